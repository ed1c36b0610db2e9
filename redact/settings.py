"""What holds for every run: a file, environment variables over it, and the command line's options over both.

The file is `redact.toml` in the folder of the user's settings (`$XDG_CONFIG_HOME/redact`, else `~/.config/redact`), or
what `--config` or `REDACT_CONFIG` names. It may be missing; a key that nobody knows is an error.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from redact.errors import PolicyError

CONFIG = "REDACT_CONFIG"
FILE_NAME = "redact.toml"
# Each setting: its table and name in the file; its variable is REDACT_ and the name in capitals.
DEFAULTS = ("policy", "language", "model", "device")
STORES = (
    "records", "keyring", "ledger", "reviews", "governance", "vault", "master_keys", "audit_heads", "organisation",
)  # fmt: skip
_VARIABLES = {
    **{name: f"REDACT_{name.upper()}" for name in (*DEFAULTS, *STORES)},
    "master_keys": "REDACT_MASTER_KEYS_FILE",  # REDACT_MASTER_KEYS holds the keys themselves
}
# How master keys come where they lie in no file.
HANDED_KEYS, CREDENTIALS, CREDENTIAL = "REDACT_MASTER_KEYS", "CREDENTIALS_DIRECTORY", "redact-master-keys"
_SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"(://[^/@:]*:).*(?=@)|([?&]password=)[^&]*")


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it comes from: `default`, the path of the file, or the name of a variable."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set, by name.

    Attributes:
        file: that was read; None where there was none.
        is_handed_keys: whether systemd or the environment hands over master keys.
    """

    values: Mapping[str, Setting]
    file: Path | None
    is_handed_keys: bool = False

    def __getitem__(self, name: str) -> str:
        return self.values[name].value

    @property
    def has_stores(self) -> bool:
        """True where things are kept, so that runs are logged, and what people asked for is looked up.

        That is where somebody set a place for them, has master keys, or wrote the organisation's file.
        """
        if self.is_handed_keys or any(self.values[name].origin != "default" for name in STORES):
            return True
        # Nothing is kept without a master key; a store of keys is there too when its ring was moved away.
        return any(
            Path(self[name].removeprefix(_SQLITE)).exists() for name in ("master_keys", "keyring", "organisation")
        )

    @property
    def defaults(self) -> dict[str, str]:
        """Of the options, those that somebody set."""
        return {name: self[name] for name in DEFAULTS if self.values[name].origin != "default"}

    def shown(self) -> dict[str, Setting]:
        """All, without passwords."""
        return {
            name: Setting(_PASSWORD.sub(r"\1\2***", setting.value), setting.origin)
            for name, setting in self.values.items()
        }


def load(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings.

    Args:
        file: to read; None for `REDACT_CONFIG`'s, or the one in the user's folder, which may be missing.
        environ: environment variables.

    Raises:
        PolicyError: the file can't be read, or something in it is wrong.
    """
    named = file or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    path = named or _home(environ, "XDG_CONFIG_HOME", ".config") / FILE_NAME
    values = {name: Setting(value, "default") for name, value in _built_in(environ).items()}
    found = path.is_file()
    if found or named:
        values |= {name: Setting(value, str(path)) for name, value in _read(path).items()}
    for name, variable in _VARIABLES.items():
        if environ.get(variable):
            values[name] = Setting(environ[variable], variable)
    folder = environ.get(CREDENTIALS)
    is_handed = bool(environ.get(HANDED_KEYS)) or (folder is not None and (Path(folder) / CREDENTIAL).exists())
    return Settings(values, path if found else None, is_handed)


def _home(environ: Mapping[str, str], variable: str, folder: str) -> Path:
    given = environ.get(variable)
    return (Path(given) if given else Path(environ.get("HOME", "/")) / folder) / "redact"


def _built_in(environ: Mapping[str, str]) -> dict[str, str]:
    data, config = _home(environ, "XDG_DATA_HOME", ".local/share"), _home(environ, "XDG_CONFIG_HOME", ".config")
    return {
        "policy": "default", "language": "auto", "model": "base", "device": "auto",
        "records": f"{_SQLITE}{data / 'records.db'}", "keyring": f"{_SQLITE}{data / 'keyring.db'}",
        "ledger": f"{_SQLITE}{data / 'ledger.db'}", "reviews": f"{_SQLITE}{data / 'reviews.db'}",
        "governance": f"{_SQLITE}{data / 'governance.db'}", "vault": str(data / "vault"),
        "master_keys": str(config / "master.keys"), "audit_heads": str(data / "audit-heads.jsonl"),
        "organisation": str(config / "organisation.yaml"),
    }  # fmt: skip


def _read(path: Path) -> dict[str, str]:
    from redact.policy import nearest  # with pydantic, which only a file of settings needs

    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"can't read the settings: {os.strerror(error.errno or 0)}", hint="check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise PolicyError("the settings are not TOML in UTF-8", hint="mend the file; docs/stores.md has one") from None
    tables = {"defaults": DEFAULTS, "stores": STORES}
    found: dict[str, str] = {}
    for table, content in raw.items():
        if table not in tables or not isinstance(content, dict):
            raise PolicyError(
                f"the settings have an unknown table {table!r}", hint=nearest(table, tuple(tables), "table")
            )
        for name, value in content.items():
            if name not in tables[table]:
                raise PolicyError(
                    f"the settings have an unknown key {name!r} in [{table}]", hint=nearest(name, tables[table], "key")
                )
            if not isinstance(value, str) or not value:
                raise PolicyError(f"the setting {name!r} is not a text", hint=f'write it as {name} = "…"')
            found[name] = value
    return found
