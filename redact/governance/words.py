"""What documents and letters say, in each language: YAML files of this folder, `key: [English, French]`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

LANGUAGES = ("en", "fr")


@cache
def words(name: str, language: str) -> Mapping[str, str]:
    """All that one file says.

    Args:
        name: of the file, without its ending.
        language: one of `LANGUAGES`.
    """
    read = yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))
    return {key: said[LANGUAGES.index(language)] for key, said in read.items()}
