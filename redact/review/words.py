"""What the page says, in each language that it speaks: `words.yaml`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

LANGUAGES = ("en", "fr")


@cache
def words(language: str) -> Mapping[str, str]:
    """All that is said on the pages."""
    read = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
    return {key: said[LANGUAGES.index(language)] for key, said in read.items()}
