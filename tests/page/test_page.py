"""The page as a file: nothing personal, nothing foreign, nothing that a call's words can do to it."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_examples import CANARIES, HOSTILE, page

from redact.page import spoken
from redact.page.content import _all_labels
from redact.policy import load
from redact.transcripts.cues import displayed

PAGE_FOLDER = Path(__file__).resolve().parents[2] / "redact/page"
VOID = {"meta", "input", "path", "rect", "circle", "img", "link", "br"}


class Elements(HTMLParser):
    """Every element with its attributes, and whether each is closed where it should be."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def made() -> str:
    return page()


def test_hostile_words_stay_words(made: str, tmp_path: Path) -> None:
    elements = Elements(made)
    assert elements.open == []
    assert {tag for tag, _ in elements.found}.isdisjoint({"img", "link", "iframe", "object", "b", "i", "form"})
    assert sum(tag == "script" for tag, _ in elements.found) == 1
    assert not [name for _, attrs in elements.found for name in attrs if name.startswith("on") or name == "style"]
    file = tmp_path / "page.html"
    file.write_text(made)
    lines = spoken(file).splitlines()
    assert lines[2] == " ".join(filter(None, map(displayed, HOSTILE)))
    assert lines[0] == "This is [PERSON_1]. May I help?"
    assert lines[1:2] + lines[3:] == ["It's [CREDIT_CARD_1] and thanks.", "untimed"]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\0]", made)


def test_what_is_read_back_is_all_that_is_said_however_the_file_is_cut(
    made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redact.page import read

    file = tmp_path / "page.html"
    file.write_text(made)
    whole = spoken(file)
    monkeypatch.setattr(read, "_CHUNK", 7)
    assert spoken(file) == whole


def test_no_value_is_anywhere(made: str) -> None:
    without_sound = re.sub(r'(base64,| d=")[^"]*', "", made)  # nor without the waveform's coordinates
    for canary in CANARIES:
        assert canary.lower() not in without_sound.lower(), canary


def test_nothing_is_loaded_and_only_its_own_script_and_style_run(made: str) -> None:
    elements = Elements(made)
    (policy,) = [a["content"] for t, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["media-src"] == "data: blob:"
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", made, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
        assert "http" not in content
        assert "@import" not in content
    for _, attrs in elements.found:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            assert (attrs.get(name) or "#").startswith(("#", "data:audio/mpeg;base64,"))
    assert made.count("http") == 2  # the policy's own attribute, and what a hostile caller said
    assert "unsafe" not in policy


def test_the_same_call_gives_the_same_bytes_whatever_time_it_took(made: str) -> None:
    assert page() == made


@pytest.mark.parametrize(("language", "told"), [("en", "Redacted call"), ("fr", "Appel expurgé"), ("xx", "Redacted")])
def test_labels_are_in_the_call_s_language(language: str, told: str) -> None:
    made = page(language, sound=False)
    assert told in made
    assert f'<html lang="{language if language != "xx" else "en"}">' in made


def test_all_languages_say_the_same_things() -> None:
    _, *languages = _all_labels()
    english = _all_labels()["en"]
    for language in languages:
        labels = _all_labels()[language]
        assert labels.keys() == english.keys()
        for key, value in english.items():
            if isinstance(value, dict):
                assert labels[key].keys() == value.keys(), key
            else:
                assert set(re.findall(r"\{\w+\}", labels[key])) == set(re.findall(r"\{\w+\}", value)), key


def test_each_type_of_the_default_policy_has_a_name_and_a_family() -> None:
    families = {name for family in _all_labels()["families"].values() for name in family}
    for entity_type in {*load("default").entities, "DOUBT"} - {"CUSTOM"}:
        assert entity_type in families
        assert entity_type in _all_labels()["en"]["types"]


def test_a_page_without_sound_says_so_and_has_no_player() -> None:
    made = page(sound=False)
    assert "This page holds no sound" in made
    assert {tag for tag, _ in Elements(made).found}.isdisjoint({"audio", "select"})


def test_more_than_two_channels_are_shown_each_and_said_to_be_mixed() -> None:
    made = page(channels=4, seconds=2)
    assert made.count('class="track"') == 4
    assert "The 4 channels are heard as one here" in made


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def mixed(colour: str, share: float, ground: str) -> str:
    pairs = [(int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02x}" for one, other in pairs)


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_has_the_contrast_of_wcag_aa(scheme: int) -> None:
    roots = re.findall(r":root \{(.*?)\}", (PAGE_FOLDER / "page.css").read_text(), re.DOTALL)
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", roots[scheme]))
    for ground in ("paper", "card"):
        for text in ("ink", "soft", "accent", "good"):
            assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
    for family in _all_labels()["families"]:
        for share, ground in (
            (0.12, "paper"),
            (0.16, "card"),
            (0.38, "card"),
        ):  # marks, names of stretches, those played
            least = 3 if share == 0.38 else 4.5  # it is told in the line above the picture too
            assert contrast(colour[family], mixed(colour[family], share, colour[ground])) >= least, (family, share)
    assert contrast(colour["ink"], colour["now"]) >= 4.5
    assert contrast(colour["on-accent"], colour["accent"]) >= 4.5
