"""Transcripts of one's own on real calls: what is masked, what is refused, and what is listened to."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from redact import given as given_module
from redact import listen
from redact.audio.decode import decode
from redact.call import Transcript, Turn, Word
from redact.cli.evaluate import _hear
from redact.errors import HeldForReview, InputRejected, UsageError
from redact.evaluate import read_gold
from redact.options import Options
from redact.pipeline import Redactor
from redact.policy import load
from redact.report import Result
from redact.score import score_call
from redact.transcripts import native

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
CALL = "en-card-payment"
pytestmark = pytest.mark.models
slow = pytest.mark.slow


def given(name: str = CALL) -> Transcript:
    return native.read((ROOT / "tests/given" / f"{name}.json").read_text(encoding="utf-8"))


def each_word(call: Transcript, change: Callable[[Word], Word]) -> Transcript:
    return replace(call, turns=tuple(replace(t, words=tuple(map(change, t.words))) for t in call.turns))


def later(call: Transcript, by_ms: int, drift: float = 0.0) -> Transcript:
    def at(time_ms: int | None) -> int | None:
        return None if time_ms is None else max(0, round(time_ms * (1 + drift) + by_ms))

    return each_word(call, lambda word: replace(word, start_ms=at(word.start_ms), end_ms=at(word.end_ms)))


def untimed(call: Transcript) -> Transcript:
    return each_word(call, lambda word: replace(word, start_ms=None, end_ms=None))


def by_turns(call: Transcript) -> Transcript:
    turns = []
    for turn, bare in zip(call.turns, untimed(call).turns, strict=True):
        words = list(bare.words)
        words[0] = replace(words[0], start_ms=turn.start_ms)
        words[-1] = replace(words[-1], end_ms=turn.end_ms)
        turns.append(replace(turn, words=tuple(words)))
    return replace(call, turns=tuple(turns))


def mixed(call: Transcript) -> Transcript:
    call = each_word(call, lambda word: replace(word, channel=0))
    return replace(call, turns=tuple(replace(turn, channel=0) for turn in call.turns))


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(Options())


@pytest.fixture(scope="module")
def heard_once() -> Transcript:
    return Redactor(Options(model="tiny.en")).listen(SAMPLES / f"{CALL}.wav")


@pytest.fixture
def listened(heard_once: Transcript, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The call is listened to once for all tests; who wants to know that gets an entry here."""
    asked: list[str] = []

    def transcribe(*_: object) -> Transcript:
        asked.append(CALL)
        return heard_once

    monkeypatch.setattr(Redactor, "_transcribe", transcribe)
    return asked


def taken(call: Transcript) -> Transcript:
    with decode(SAMPLES / f"{CALL}.wav") as decoded:
        heard = listen.survey(decoded.pcm, decoded.recording)
        return given_module.taken(call, heard, decoded.recording, lambda: call, realign=False).transcript


@pytest.fixture
def redact(redactor: Redactor, tmp_path: Path) -> Callable[..., Result]:
    def one(transcript: Transcript, name: str = f"{CALL}.wav", **options: bool) -> Result:
        return redactor.redact_file(SAMPLES / name, tmp_path, transcript=transcript, **options)

    return one


def left(result: Result) -> list[str]:
    """The labelled items that are not fully masked, and those that can be read."""
    gold = read_gold(SAMPLES / f"{CALL}.gold.json")
    sound = next(path for path in result.outputs if path.suffix == ".wav")
    text = sound.with_suffix(".txt").read_text(encoding="utf-8")
    score = score_call(gold, _hear(gold.audio), _hear(sound), text)
    assert score.over_masked_ms < 0.1 * score.other_ms
    return [item.entity_type for item in score.items if not item.fully_masked] + list(score.text_leaks)


def audible(result: Result) -> list[str]:
    """The labelled items that no mask would cover, at their edges but for a syllable."""
    gold = read_gold(SAMPLES / f"{CALL}.gold.json")
    return [
        item.entity_type
        for item in gold.items
        if not any(i.start_ms <= item.start_ms + 60 and i.end_ms >= item.end_ms - 60 for i in result.plan.intervals)
    ]


@slow
def test_exact_words_mask_all_and_nothing_is_transcribed(redact: Callable[..., Result], redactor: Redactor) -> None:
    result = redact(given())
    assert left(result) == []
    assert "transcribe" not in result.report["timings_s"]
    (note,) = result.report["notes"]
    assert note.startswith("times from the given transcript; offset ")
    assert result.report["language"] == "en"
    assert all(check["passed"] for check in result.report["checks"])


@pytest.mark.parametrize(("by_ms", "drift"), [(700, 0.0), (0, 0.005)], ids=["offset", "drift"])
def test_times_that_are_off_are_refused_and_realigned(
    redact: Callable[..., Result], tmp_path: Path, by_ms: int, drift: float
) -> None:
    call = later(given(), by_ms, drift)
    with pytest.raises(InputRejected, match="would have to be moved by") as refused:
        redact(call)
    assert "--realign" in refused.value.hint
    assert list(tmp_path.iterdir()) == []
    result = redact(call, realign=True, dry_run=True)
    assert audible(result) == []
    assert "; moved by " in result.report["notes"][0]


@pytest.mark.parametrize(("given_times", "most_ms"), [(by_turns, 43_000), (untimed, 55_000)], ids=["turns", "untimed"])
def test_words_without_times_get_those_that_are_heard(
    redact: Callable[..., Result], listened: list[str], given_times: Callable[[Transcript], Transcript], most_ms: int
) -> None:
    result = redact(given_times(given()), dry_run=True)
    assert audible(result) == []
    assert result.report["masked_ms"] < most_ms
    assert listened == [CALL]


def test_turns_without_anything_personal_need_no_times_for_their_words(listened: list[str], tmp_path: Path) -> None:
    nothing = Redactor(Options(policy=load("default").changed(entities={"VIN": 0.4})))
    result = nothing.redact_file(SAMPLES / f"{CALL}.wav", tmp_path, transcript=by_turns(given()), dry_run=True)
    assert result.report["replacements"] == {}
    assert listened == []


def test_speakers_on_one_channel_are_told_apart_by_the_sound(redact: Callable[..., Result]) -> None:
    plan = redact(mixed(given()), dry_run=True).plan
    assert plan == redact(given(), dry_run=True).plan


@pytest.mark.parametrize("realign", [False, True])
@pytest.mark.parametrize(
    "name", ["en-hotel-booking-dtmf.wav", "en-internet-outage-control.wav", "fr-paiement-carte.mp3"]
)
def test_another_call_s_transcript_is_refused(
    redact: Callable[..., Result], tmp_path: Path, name: str, realign: bool
) -> None:
    with pytest.raises(InputRejected, match="at any one offset"):
        redact(given(), name, realign=realign)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        [("Hello,", 0, 0)] * 300,
        [("Hello,", 90_000 - n, 90_010 - n) for n in range(100)],
        [("Hello,", 10**9 + 500 * n, 10**9 + 400 + 500 * n) for n in range(100)],
        [("Nevertheless,", 500, 900)],
    ],
    ids=["empty", "all at 0", "backwards", "beyond the end", "one word"],
)
def test_a_villain_is_refused(
    redact: Callable[..., Result], listened: list[str], tmp_path: Path, words: list[tuple[str, int, int]]
) -> None:
    said = tuple(Word(text, start, end, 0) for text, start, end in words)
    villain = Transcript((Turn("agent", 0, said),), "en", "villain")
    with pytest.raises(InputRejected):
        redact(villain, realign=True)
    assert list(tmp_path.iterdir()) == []


def without_card_and_after(call: Transcript) -> Transcript:
    """Nobody wrote down what was said from 30 to 50 s."""
    turns = (replace(t, words=tuple(w for w in t.words if not 30_000 < w.start_ms < 50_000)) for t in call.turns)
    return replace(call, turns=tuple(turn for turn in turns if turn.words))


def test_speech_without_words_is_masked_or_held(redact: Callable[..., Result], tmp_path: Path) -> None:
    result = redact(without_card_and_after(given()), dry_run=True)
    assert result.report["doubts"]["speech_without_words"] >= 3
    masked = [i for i in result.plan.intervals if i.end_ms > 30_000 and i.start_ms < 50_000]
    assert sum(i.end_ms - i.start_ms for i in masked) > 15_000
    holding = Redactor(Options(policy=load("default").changed(in_doubt="hold")))
    with pytest.raises(HeldForReview):
        holding.redact_file(SAMPLES / f"{CALL}.wav", tmp_path, transcript=without_card_and_after(given()))


def test_names_of_speakers_and_what_was_not_said_are_left_out() -> None:
    named = {"agent": "Iris Quillfeather", "customer": "customer"}
    turns = [replace(turn, speaker=named[turn.speaker]) for turn in given().turns]
    aside = Turn("summary", 0, (Word("Vandersnoot", None, None, 0),), aside=True)
    laid = taken(replace(given(), turns=(*turns, aside)))
    assert {turn.speaker for turn in laid.turns} == {"speaker 1", "customer"}
    assert "Vandersnoot" not in {word.text for word in laid.words}


def test_a_language_that_cannot_be_redacted_is_no_surprise(redact: Callable[..., Result]) -> None:
    with pytest.raises(UsageError) as refused:
        redact(replace(given(), language="de"))
    assert "--language" in refused.value.hint
    assert redact(replace(given(), language="en-GB"), dry_run=True).report["language"] == "en"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["call.wav", "--transcript", "right.json", "-n"], 0, "would be redacted"),
        (["call.wav", "--transcript", "late.json"], 5, "--realign"),
        (["call.wav", "--transcript", "late.json", "--realign", "-n"], 0, "would be redacted"),
        (["call.wav", "--transcript", "no.json"], 5, "next:"),
        (["call.wav", "--transcript", "gone.json"], 5, "can't read the transcript"),
        (["call.wav", "--realign"], 2, "--transcript FILE"),
        (["call.wav", "call.wav", "--transcript", "right.json"], 2, "exactly one recording"),
        (["right.json", "--transcript", "right.json"], 2, "exactly one recording"),
    ],
)
def test_on_the_command_line(tmp_path: Path, options: list[str], code: int, words: str) -> None:
    (tmp_path / "call.wav").write_bytes((SAMPLES / f"{CALL}.wav").read_bytes())
    (tmp_path / "right.json").write_text(native.write(given(), duration_ms=None))
    (tmp_path / "late.json").write_text(native.write(later(given(), 1_000), duration_ms=None))
    (tmp_path / "no.json").write_text("Nothing of the kind.")
    run = subprocess.run(
        [sys.executable, "-m", "redact", "file", *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == code, run.stderr
    assert words in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    assert len(list(tmp_path.iterdir())) == 4
