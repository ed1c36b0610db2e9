"""Settings: a file, environment variables over it, and what is told of them."""

import pytest

from redact.errors import PolicyError
from redact.settings import CREDENTIAL, CREDENTIALS, DEFAULTS, HANDED_KEYS, STORES, load


def written(tmp_path, text):
    file = tmp_path / "redact.toml"
    file.write_text(text)
    return file


def test_without_a_file_everything_has_its_default(tmp_path):
    settings = load(environ={"HOME": str(tmp_path)})
    assert settings.file is None
    assert {setting.origin for setting in settings.values.values()} == {"default"}
    assert set(settings.values) == {*DEFAULTS, *STORES}
    assert settings["vault"] == f"{tmp_path}/.local/share/redact/vault"
    assert (settings.has_stores, settings.defaults) == (False, {})


def test_variables_are_over_the_file_and_both_over_defaults(tmp_path):
    file = written(tmp_path, '[defaults]\npolicy = "pci"\nmodel = "small"\n[stores]\nvault = "/v"\n')
    settings = load(file, {"HOME": "/h", "REDACT_MODEL": "tiny.en"})
    assert settings.values["policy"].origin == str(file)
    assert (settings["model"], settings.values["model"].origin) == ("tiny.en", "REDACT_MODEL")
    assert settings.defaults == {"policy": "pci", "model": "tiny.en"}
    assert settings.has_stores


@pytest.mark.parametrize(
    "there", [".config/redact/master.keys", ".config/redact/organisation.yaml", ".local/share/redact/keyring.db"]
)
def test_what_lies_at_a_default_place_is_in_use(tmp_path, there):
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / ".local/share/redact").mkdir(parents=True, exist_ok=True)
    (tmp_path / ".local/share/redact/governance.db").touch()  # a list of nothing was asked for
    assert not load(environ={"HOME": str(tmp_path)}).has_stores
    (tmp_path / there).touch()
    assert load(environ={"HOME": str(tmp_path)}).has_stores


def test_keys_that_are_handed_over_are_in_use(tmp_path):
    environ = {"HOME": str(tmp_path), CREDENTIALS: str(tmp_path)}
    assert not load(environ=environ).has_stores
    (tmp_path / CREDENTIAL).touch()
    assert load(environ=environ).has_stores
    assert load(environ={"HOME": "/h", HANDED_KEYS: "{}"}).has_stores


@pytest.mark.parametrize("how", ["argument", "variable", "folder"])
def test_the_file_is_found(tmp_path, how):
    folder = tmp_path / "config" / "redact"
    folder.mkdir(parents=True)
    file = written(folder, '[defaults]\nlanguage = "fr"\n')
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config")} if how == "folder" else {"HOME": "/nowhere"}
    if how == "variable":
        environ["REDACT_CONFIG"] = str(file)
    assert load(file if how == "argument" else None, environ)["language"] == "fr"


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("[defaults]\npolcy = 'x'\n", "polcy", "policy"),
        ("[store]\nvault = 'x'\n", "store", "stores"),
        ("[stores]\nvault = 3\n", "vault", 'vault = "…"'),
        ("[stores]\nvault = ''\n", "vault", 'vault = "…"'),
        ("stores = 'x'\n", "stores", "stores"),
        ("[stores\n", "TOML", "docs/stores.md"),
    ],
)
def test_what_is_wrong_is_told_with_what_was_meant(tmp_path, text, told, hint):
    with pytest.raises(PolicyError) as error:
        load(written(tmp_path, text), {})
    assert told in error.value.message
    assert hint in error.value.hint


def test_a_file_that_was_named_has_to_be_there(tmp_path):
    with pytest.raises(PolicyError):
        load(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://redact:s3cret@db/redact", "postgresql://redact:***@db/redact"),
        ("postgresql://redact@db/redact", "postgresql://redact@db/redact"),
        ("postgresql://redact:s3:c/r@t@db/redact", None),
        ("postgresql://db/redact?password=s3cret&user=x", "postgresql://db/redact?password=***&user=x"),
        ("sqlite:////var/lib/r.db", "sqlite:////var/lib/r.db"),
    ],
)
def test_passwords_are_not_shown(url, shown):
    told = load(environ={"HOME": "/h", "REDACT_RECORDS": url}).shown()["records"].value
    assert "s3" not in told
    assert shown in (None, told)
