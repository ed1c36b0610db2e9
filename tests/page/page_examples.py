"""An invented call whose words are hostile, and the page made from it."""

import io
from functools import cache

import numpy as np

from redact.audio.listening import LightCopy, light_copy
from redact.call import Doubt, Recording, Role, Stretch, Transcript, Turn, Word
from redact.findings import AudioInterval, Check, Plan, Replacement, Verification
from redact.page import write
from redact.policy import load
from redact.report import Run, build
from redact.text import Labeller, redact

CANARIES = ("Quillfeather", "4539", "1488")
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"onclick="alert(1)',
    "'><img/src=x/onerror=alert(1)>",
    "<!--",
    "-->",
    "</p></ol><h1>",
    "]]>",
    "&lt;b&gt;",
    "\u202eevil\u202c",
    "nul\x00inside",
    "\ud83d",
    "שלום",
    "${alert(1)}",
    "http://example.invalid/x.js",
)
SECONDS = 20


def words(texts: tuple[str, ...], channel: int, start_ms: int) -> tuple[Word, ...]:
    return tuple(Word(text, start_ms + 400 * n, start_ms + 400 * n + 350, channel) for n, text in enumerate(texts))


def original(language: str = "en") -> Transcript:
    turns = (
        Turn("agent", 0, words(("This", "is", "Quillfeather.", "May", "I", "help?"), 0, 500)),
        Turn("customer", 1, words(("It's", "4539", "1488", "and", "thanks."), 1, 4_000)),
        Turn("<b>Mallory</b>", 0, words(HOSTILE, 0, 8_000)),
        Turn("customer", 1, (Word("untimed", None, None, 1),)),
    )
    return Transcript(turns, language, "stand-in", 0.9, (Doubt("low_confidence", Stretch(0, 8_000, 9_000)),))


PLAN = Plan(
    (
        AudioInterval(1_000, 2_200, (0, 1), ("PERSON",)),
        AudioInterval(4_100, 5_400, (0, 1), ("CREDIT_CARD", "DOUBT")),
    ),
    (Replacement(2, 2, "PERSON", "[PERSON]"), Replacement(7, 8, "CREDIT_CARD", "[CREDIT_CARD]")),
    (("low_confidence", 1),),
)


@cache
def heard(recording: Recording) -> LightCopy:
    times = np.arange(recording.samples) / recording.sample_rate
    pcm = np.tile((8000 * np.sin(2 * np.pi * 300 * times)).astype(np.int16), (recording.channels, 1))
    return light_copy([pcm], recording)


def page(language: str = "en", channels: int = 2, *, sound: bool = True, seconds: float = SECONDS) -> str:
    roles: tuple[Role, ...] = ("agent", "customer", "other", "other")[:channels]
    recording = Recording("0" * 64, "wav", "pcm_s16le", 8000, int(8000 * seconds), "s16", roles)
    copy = heard(recording)
    if not sound:
        copy = LightCopy(copy.peaks, b"", copy.mixed)
    run = Run("<i>mine</i>", "1" * 64, {"base": "2" * 64}, {"decode": np.random.default_rng().random()}, "0.1.0")
    transcript = original(language)
    checks = Verification((Check("no_tags", passed=True), Check("<new>", passed=True)))
    report = build(run, recording, transcript, (), PLAN, checks, {".wav": "3" * 64}, ("a <note>",))
    out = io.BytesIO()
    labels = Labeller(load("default")).labels(transcript, PLAN)
    write(copy, redact(transcript, labels), report, "a & b", out)
    return out.getvalue().decode()
