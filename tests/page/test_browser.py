"""The page in a real browser, where there is one."""

from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
from page_examples import SECONDS, page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.FOUND is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    with chromium.Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def opened(browser: chromium.Browser, tmp_path: Path) -> chromium.Browser:
    file = tmp_path / "call.html"
    file.write_text(page())
    browser.events.clear()
    browser.open(file)
    browser.wait("sound.readyState >= 1")
    return browser


def now(browser: chromium.Browser) -> float:
    return browser.get("sound.currentTime")


def test_it_opens_without_errors_requests_or_hostile_effects(opened: chromium.Browser) -> None:
    assert opened.get("sound.duration") == pytest.approx(SECONDS, abs=0.05)
    assert opened.get("sound.src.startsWith('blob:')")
    told = [event for event in opened.events if event["method"] in {"Runtime.exceptionThrown", "Log.entryAdded"}]
    assert told == []
    asked = [e["params"]["request"]["url"] for e in opened.events if e["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "blob:", "data:")) for url in asked)
    assert opened.get("document.querySelectorAll('img, h1').length") == 1
    assert not [event for event in opened.events if event["method"] == "Page.javascriptDialogOpening"]


def test_its_policy_stops_what_is_not_its_own(opened: chromium.Browser) -> None:
    assert opened.get("fetch('data:,x').then(() => 'loaded', () => 'refused')") == "refused"
    opened.get("document.body.append(Object.assign(document.createElement('script'), {text: 'window.alien = 1'}))")
    assert opened.get("window.alien === undefined")


def test_a_word_that_is_clicked_is_played_and_shown(opened: chromium.Browser) -> None:
    opened.get("document.querySelectorAll('#turns mark')[1].click()")
    assert now(opened) == pytest.approx(4.4, abs=0.01)
    assert opened.get("[...document.querySelectorAll('.now')].map((e) => e.textContent).join()") == "[CREDIT_CARD_1]"
    assert opened.get("told.textContent").startswith("0:04 – 0:05 · Card number, In doubt")
    opened.get("sound.play()")
    opened.wait("sound.currentTime > 5.3 && document.querySelector('.now')?.textContent === 'and'")
    opened.get("sound.pause()")


def test_a_turn_that_is_pressed_plays_from_there(opened: chromium.Browser) -> None:
    opened.get("document.querySelectorAll('#turns button')[1].click()")
    opened.wait("!sound.paused && sound.currentTime > 4.05")
    assert opened.get("play.getAttribute('aria-label')") == "Pause"
    opened.get("sound.pause()")


def test_keys(opened: chromium.Browser) -> None:
    opened.press(" ")
    opened.wait("!sound.paused")
    opened.press(" ")
    opened.wait("sound.paused")
    opened.get("sound.currentTime = 0")
    for key, shift, expected in [
        ("ArrowRight", False, 5.0), ("ArrowLeft", False, 0.0), ("ArrowRight", True, 0.5), ("ArrowRight", True, 0.9),
    ]:  # fmt: skip
        opened.press(key, shift=shift)
        assert now(opened) == pytest.approx(expected, abs=0.01), key
    opened.get("document.getElementById('position').focus()")
    for key, expected in [
        ("Home", 0.0), ("ArrowDown", 0.5), ("ArrowDown", 4.0), ("PageDown", 4.1), ("PageUp", 1.0), ("ArrowUp", 0.5),
        ("End", SECONDS),
    ]:  # fmt: skip
        opened.press(key)
        assert now(opened) == pytest.approx(expected, abs=0.05), key
    assert opened.get("document.activeElement.getAttribute('aria-valuetext')").startswith("0:")


@pytest.mark.parametrize("width", [1280, 820, 400])
def test_nothing_is_wider_than_the_window(opened: chromium.Browser, width: int) -> None:
    opened.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert opened.get("document.documentElement.scrollWidth") <= width
    names = "[...document.querySelectorAll('.mark:not(.narrow) text')]"
    opened.wait(f"{names}.every((name) => name.getBBox().width < name.parentNode.getBBox().width)")
    opened.send("Emulation.clearDeviceMetricsOverride")


def test_without_sound_stretches_are_still_told(browser: chromium.Browser, tmp_path: Path) -> None:
    file = tmp_path / "silent.html"
    file.write_text(page(sound=False))
    browser.open(file)
    box = browser.get("JSON.parse(JSON.stringify(document.querySelector('.mark rect').getBoundingClientRect()))")
    browser.send("Input.dispatchMouseEvent", type="mouseMoved", x=box["x"] + box["width"] / 2, y=box["y"] + 8)
    browser.wait("told.textContent.includes('Name')")
