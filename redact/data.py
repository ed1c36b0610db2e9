"""Where the data that ships with `redact` lies: the policies, the models registry, the sample calls.

A wheel carries them in `redact/_data`. In an editable install or a checkout that folder is absent, and they
are where they are written: at the root of the checkout.
"""

from pathlib import Path
from typing import Literal

from redact.errors import PolicyError

DataName = Literal["models.toml", "pipelines", "samples"]

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT: dict[DataName, str] = {
    "models.toml": "models/models.toml",
    "pipelines": "pipelines",
    "samples": "samples",
}


def data_path(name: DataName) -> Path:
    """The file or folder `name` of the data that ships with `redact`.

    Raises:
        PolicyError: it is in neither place; the installation is not whole.
    """
    packaged = _PACKAGE / "_data" / name
    if packaged.exists():
        return packaged
    root = _PACKAGE.parent
    # In a wheel the parent is site-packages, where a folder called "pipelines" may be anybody's.
    if (root / "pyproject.toml").is_file() and (root / _IN_CHECKOUT[name]).exists():
        return root / _IN_CHECKOUT[name]
    raise PolicyError(
        f"{name} is missing from this installation",
        hint='install again: pip install --force-reinstall --no-deps "callredact"',
    )
