"""Transcripts for the tests of all formats: made by hypothesis, and the example in docs/formats.md."""

import json
import re
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

from hypothesis import strategies as st

from redact.call import Doubt, Stretch, Transcript, Turn, Word
from redact.transcripts import native
from redact.transcripts.cues import displayed

ROOT = Path(__file__).parents[2]

HOSTILE = (
    "-->",
    "00:00:01.000 --> 00:00:02.000",
    "<v Mallory>",
    "</v>",
    "<b>bold</b>",
    "&lt;",
    "AT&T",
    "{\\an8}",
    "a\\Nb",
    "two\n\nlines",
    "line\rfeed\u2028and\u2029more\x85",
    "nul\x00inside",
    "\x00",
    "\x1b[31mred",
    "\ufeff",
    "\u202eevil\u202c",
    "שלום",
    "مرحبا،",
    "👩‍👩‍👧‍👦",
    "12\u202f€",
    "\u00a0",
    "\ud83d",
    " ",
    "",
    "1",
    "4539",
    "WEBVTT",
    "NOTE",
    "x" * 120,
)
LABELS = ("[PERSON_1]", "[CREDIT_CARD_2],", "[PHONE NUMBER].", "####")
WORDS = ("the", "account", "is", "déjà", "fermé.", "Yes.", "unfortunately", "I'm", "no", "OK?")

texts = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(LABELS),
    st.sampled_from(HOSTILE),
    st.text(st.characters(), max_size=12),
)
SPEAKERS = ("agent", "customer", "Ann <b>", "a --> b", "x & y", "", "\n", "two\nlines", "\x00", "שרה")
any_time = st.none() | st.integers(0, 400_000) | st.integers(0, 90 * 3_600_000)
shares = st.none() | st.floats(0, 1)


@st.composite
def wild_transcripts(draw: st.DrawFn, speakers: st.SearchStrategy[str] | None = None) -> Transcript:
    """Times that are missing, equal, backwards or far off; texts of all kinds; a speaker of its own for each turn."""
    turns = []
    for number in range(draw(st.integers(0, 5))):
        channel = draw(st.integers(0, 2))
        timed = draw(st.booleans())
        times = any_time if timed else st.none()
        words = draw(st.lists(st.builds(Word, texts, times, times, st.just(channel), shares), max_size=14))
        speaker = draw(speakers) if speakers is not None else f"Speaker {number}"
        turns.append(Turn(speaker, channel, tuple(words)))
    return Transcript(tuple(turns), "en", "test")


@st.composite
def sound_transcripts(draw: st.DrawFn) -> Transcript:
    """What a well-behaved engine gives: words in order, times where it has them, no word ending before it starts."""
    turns = []
    for number in range(draw(st.integers(0, 4))):
        channel = draw(st.integers(0, 1))
        clock = draw(st.integers(0, 200_000))
        words = []
        for _ in range(draw(st.integers(0, 30))):
            start = clock + draw(st.integers(0, 600))
            end = start + draw(st.integers(1, 900))
            clock = end
            known = draw(st.integers(0, 9)) > 0
            words.append(Word(draw(texts), start if known else None, end if known else None, channel, draw(shares)))
        turns.append(Turn(f"Speaker {number}", channel, tuple(words)))
    reasons = get_args(get_type_hints(Doubt)["reason"])
    stretches = st.builds(Stretch, st.integers(0, 1), st.integers(0, 5_000), st.integers(5_000, 10_000))
    doubts = draw(st.lists(st.builds(Doubt, st.sampled_from(reasons), stretches), max_size=3))
    language, source = draw(st.sampled_from(("en", "fr"))), draw(st.sampled_from(("faster-whisper base", "vtt")))
    return Transcript(tuple(turns), language, source, draw(shares), tuple(doubts))


def shown_words(turn: Turn) -> list[str]:
    """What a turn has to show, word by word."""
    return [text for text in (displayed(word.text) for word in turn.words) if text]


def call(*turns: Turn) -> Transcript:
    """A transcript of these turns."""
    return Transcript(turns, "en", "test")


def turn(speaker: str, channel: int, *words: str | tuple[str, int | None, int | None]) -> Turn:
    """A turn of words, each a text without times or a text, a start and an end in ms."""
    given = [(word, None, None) if isinstance(word, str) else word for word in words]
    return Turn(speaker, channel, tuple(Word(text, start, end, channel) for text, start, end in given))


@cache
def documented() -> dict[str, str]:
    """The examples in docs/formats.md by their kind: text, vtt, srt, json."""
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^```(\w+)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL))


def documented_call() -> Transcript:
    """The call that the examples in docs/formats.md show."""
    return native.read(documented()["json"])


def documented_labels() -> dict[int, str]:
    """Entity types of that call's labels, by word index."""
    words = [word for turn in json.loads(documented()["json"])["turns"] for word in turn["words"]]
    return {index: word["entity_type"] for index, word in enumerate(words) if "entity_type" in word}
