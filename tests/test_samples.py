"""The whole road on real calls with the real models."""

import hashlib
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from redact import verify
from redact.audio import dtmf, encode, pcm, speech
from redact.audio.decode import decode
from redact.audio.mask import Masked, replaced
from redact.call import Stretch, Transcript, Word
from redact.errors import CannotWrite, HeldForReview, VerificationFailed
from redact.findings import AudioInterval
from redact.options import Options
from redact.page import spoken
from redact.pipeline import Redactor
from redact.policy import load
from redact.text import Label, RedactedTranscript
from redact.transcribe.engine import Clip, Progress, Rest
from redact.transcripts import native

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The card payment, redacted from a copy with a phone number in its name and a canary in its tags."""
    folder = tmp_path_factory.mktemp("call")
    source = (SAMPLES / "en-card-payment.wav").read_bytes()
    tag = b"LIST" + (30).to_bytes(4, "little") + b"INFOIART" + (18).to_bytes(4, "little") + b"Canary Quillfeather"[:18]
    body = source[8:] + tag
    copy = folder / "0612345678_call.wav"
    copy.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    out = folder / "out"
    Redactor(Options(language="en", html=True)).redact_file(copy, out)
    return out


def test_outside_the_masks_every_byte_is_the_original_s(published: Path) -> None:
    (audio,) = published.glob("*.redacted.wav")
    report = json.loads(next(published.glob("*.report.json")).read_text())
    before, after = decode(SAMPLES / "en-card-payment.wav"), decode(audio)
    assert after.recording.codec == before.recording.codec
    intervals = [AudioInterval(i["start_ms"], i["end_ms"], tuple(i["channels"]), ()) for i in report["intervals"]]
    heard = before.pcm.read(), after.pcm.read()
    for channel in range(2):
        outside = np.ones(before.recording.samples, bool)
        for first, last in replaced(intervals, channel, 8000, before.recording.samples):
            outside[first:last] = False
        assert outside.any()
        assert not outside.all()
        assert (heard[0][channel][outside] == heard[1][channel][outside]).all()
        assert (heard[0][channel][~outside] != heard[1][channel][~outside]).mean() > 0.9


def test_no_personal_value_is_in_any_byte_of_any_output(published: Path) -> None:
    gold = json.loads((SAMPLES / "en-card-payment.gold.json").read_text())["pii"]
    canaries = {"canary", "quillfeather", "0612345678"}
    for item in gold:
        value = item["value"].lower()
        canaries |= {value} if item["type"] != "PERSON" else set(value.split())
    # what speech alone can't tell: an expiry and a code are digits too short to be searched for among times
    canaries = {value for value in canaries if len(re.sub(r"\W", "", value)) >= 5}
    assert len(canaries) > 8
    for output in published.iterdir():
        # in so much base64 any five letters may stand: a page's sound is no text
        raw = re.sub(rb"base64,[\w+/=]+", b"", output.read_bytes())
        text = raw.decode("utf-8", "ignore").lower() + raw.decode("utf-16", "ignore").lower() + output.name
        spaceless = re.sub(r"[\s,.\-]", "", text)
        for value in canaries:
            assert value not in text, output.name
            assert value not in spaceless, output.name


def test_the_page_holds_the_redacted_transcript_and_is_in_the_report(published: Path) -> None:
    (page,) = published.glob("*.redacted.html")
    turns = native.read(next(published.glob("*.redacted.json")).read_text()).turns
    assert spoken(page).splitlines() == [turn.text for turn in turns]
    report = json.loads(next(published.glob("*.report.json")).read_text())
    assert report["outputs"][".html"] == hashlib.sha256(page.read_bytes()).hexdigest()
    assert report["checks"][-1] == {"name": "no_value_in_page", "passed": True, "figure": 0.0}


def test_the_report_tells_what_was_done(published: Path) -> None:
    report = json.loads(next(published.glob("*.report.json")).read_text())
    assert report["status"] == "done"
    assert all(check["passed"] for check in report["checks"])
    assert report["replacements"]["PERSON"] >= 4
    assert report["replacements"]["CREDIT_CARD"] >= 3
    assert report["input"]["tags_dropped"]
    assert set(report["models"]) == {"base", "en_core_web_sm"}


def test_the_report_follows_its_schema(published: Path) -> None:
    import jsonschema

    schema = json.loads((SAMPLES.parent / "docs/schemas/report-1.json").read_text())
    report = json.loads(next(published.glob("*.report.json")).read_text())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(report)) == []


class Engine:
    """A stand-in that says what it is told to."""

    name = "stand-in"

    def __init__(self, words: list[Word], language: str = "en") -> None:
        self.words, self.language = words, language

    def detect_language(self, clips: list[Clip]) -> tuple[str, float]:
        return self.language, 0.9

    def transcribe(self, clips: list[Clip], language: str, progress: Progress, rest: Rest) -> tuple[Word, ...]:
        if self.words is None:
            raise RuntimeError("canary")
        return tuple(self.words)

    def transcribe_again(self, clips: list[Clip], language: str, expected: list[str]) -> tuple[Word, ...]:
        return ()


class Insistent(Engine):
    """Hears the same words again at the beginning of each clip, so many times."""

    def __init__(self, words: list[Word], again: list[str], times: int) -> None:
        super().__init__(words)
        self.again, self.times, self.expected = again, times, []

    def transcribe_again(self, clips: list[Clip], language: str, expected: list[str]) -> tuple[Word, ...]:
        self.expected.append(tuple(expected))
        self.times -= 1
        return tuple(
            Word(text, 300 * n, 300 * n + 200, clip.where.channel, 0.9)
            for clip in clips
            for n, text in enumerate(self.again)
            if self.times >= 0
        )


INTRODUCED = [
    Word(said, 300 * n, 300 * n + 250, 1) for n, said in enumerate(["My", "name", "is", "Iris", "Quillfeather."])
]


def test_what_is_heard_again_is_masked_too(tmp_path: Path) -> None:
    plans = []
    for times in (0, 1):
        redactor = with_engine([])
        redactor._loaded._engine = Insistent(INTRODUCED, ["Thank", "you", "Quillfeather"], times)
        result = redactor.redact_file(SAMPLES / "en-card-payment.wav", tmp_path / str(times))
        assert redactor._loaded._engine.expected[0] == ("Iris", "Quillfeather")
        assert len(redactor._loaded._engine.expected) == 1 + times
        assert result.report["checks"][-1] == {"name": "nothing_heard", "passed": True, "figure": 0.0}
        plans.append(result)
    assert plans[0].report["heard_again"] == {}
    assert plans[1].report["heard_again"]["PERSON"] >= 1
    assert plans[1].report["masked_ms"] > plans[0].report["masked_ms"]


@pytest.mark.parametrize(("unverified", "error"), [("hold", HeldForReview), ("reject", VerificationFailed)])
def test_what_is_heard_again_and_again_is_not_published(
    unverified: str, error: type[Exception], tmp_path: Path
) -> None:
    # What got no word stays audible, so that there is something left to hear.
    redactor = with_engine([], policy=load("default").changed(unverified=unverified, in_doubt="report"))
    redactor._loaded._engine = Insistent(INTRODUCED, ["Quillfeather"], 99)
    with pytest.raises(error):
        redactor.redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["en-card-payment.report.json"]
    assert len(redactor._loaded._engine.expected) == 3


def with_engine(words: list[Word] | None, language: str = "en", **options: object) -> Redactor:
    redactor = Redactor(Options(**options))
    redactor._loaded._engine = Engine(words, language)
    return redactor


class Listening(Engine):
    """Says a word for each clip that follows from every bit of its sound."""

    def transcribe(self, clips: list[Clip], language: str, progress: Progress, rest: Rest) -> tuple[Word, ...]:
        return tuple(
            Word(hashlib.sha256(clip.sound().tobytes()).hexdigest(), w.start_ms, w.end_ms, w.channel, 0.9)
            for clip in clips
            for w in [clip.where]
        )

    def transcribe_again(self, clips: list[Clip], language: str, expected: list[str]) -> tuple[Word, ...]:
        return self.transcribe(clips, language, lambda *_: None, lambda *_: None)


@pytest.mark.parametrize("name", ["en-hotel-booking-dtmf.wav", "fr-paiement-carte.mp3"])
def test_small_windows_give_what_large_ones_give(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans, written = [], []
    for out in (tmp_path / "large", tmp_path / "small"):
        redactor = Redactor(Options(language="en"))
        redactor._loaded._engine = Listening([])
        result = redactor.redact_file(SAMPLES / name, out)
        assert all(check["passed"] for check in result.report["checks"])
        plans.append(result.plan)
        written.append({path.name: path.read_bytes() for path in result.outputs if "report" not in path.name})
        monkeypatch.setattr(pcm, "IN_MEMORY_BYTES", 1)
        monkeypatch.setattr(pcm, "BLOCK_SAMPLES", 1000)
        monkeypatch.setattr(encode, "_READ", 2048)
        monkeypatch.setattr(dtmf, "_BLOCK_FRAMES", 50)
        monkeypatch.setattr(speech, "WINDOW", 15_360)
        monkeypatch.setattr(verify, "WINDOW_S", 1)
    assert plans[0] == plans[1]
    assert plans[0].intervals
    assert written[0] == written[1]


def test_a_spool_that_finds_no_room_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcm, "IN_MEMORY_BYTES", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CannotWrite, match="decoded sound"):
        with_engine([]).redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_hears_nothing_leaves_no_speech_audible(tmp_path: Path) -> None:
    result = with_engine([]).redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert result.report["doubts"]["speech_without_words"] > 5
    assert result.report["masked_ms"] > 50_000


def test_doubt_holds_a_call_where_the_policy_says_so(tmp_path: Path) -> None:
    policy = load("default").changed(in_doubt="hold")
    with pytest.raises(HeldForReview):
        with_engine([], policy=policy).redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["en-card-payment.report.json"]


def test_a_call_that_fails_its_checks_gets_a_report_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Masked, "read", lambda self, *where: self._signal.read(*where))  # a mask that replaces nothing
    with pytest.raises(VerificationFailed, match="samples_replaced"):
        with_engine([]).redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["en-card-payment.report.json"]
    assert json.loads((tmp_path / "en-card-payment.report.json").read_text())["status"] == "failed"


def test_a_page_that_holds_a_value_keeps_all_from_being_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redact import text

    words = [
        Word(said, 300 * n, 300 * n + 250, 0) for n, said in enumerate(["My", "name", "is", "Iris", "Quillfeather."])
    ]
    redactor, apply, calls = with_engine(words, html=True), text.redact, []

    def forgetful(transcript: Transcript, labels: Sequence[Label]) -> RedactedTranscript:
        calls.append(labels)  # the first call is for the transcripts, the second for the page
        return apply(transcript, labels) if len(calls) == 1 else RedactedTranscript(transcript, {})

    monkeypatch.setattr(text, "redact", forgetful)
    with pytest.raises(VerificationFailed, match="no_value_in_page"):
        redactor.redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["en-card-payment.report.json"]


def test_an_english_model_needs_no_language(tmp_path: Path) -> None:
    result = Redactor(Options(model="tiny.en")).redact_file(SAMPLES / "en-internet-outage-control.wav", tmp_path)
    assert result.report["language"] == "en"


def test_a_language_that_is_not_covered_is_held(tmp_path: Path) -> None:
    with pytest.raises(HeldForReview):
        with_engine([], "de").redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_engine_that_crashes_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        with_engine(None).redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("times", [(9000, 2000), (-50, 10**9), (5000, 5000)], ids=["backwards", "outside", "empty"])
def test_impossible_times_still_mask_the_word(tmp_path: Path, times: tuple[int, int]) -> None:
    words = [Word("I'm", 1000, 1200, 1), Word("Desmond", *times, 1), Word("Halloway.", 12_000, 12_400, 1)]
    result = with_engine(words).redact_file(SAMPLES / "en-card-payment.wav", tmp_path)
    assert any(i["start_ms"] <= 12_000 and i["end_ms"] >= 12_400 for i in result.report["intervals"])
    assert "desmond" not in (tmp_path / "en-card-payment.redacted.txt").read_text().lower()


def test_stretches_are_positions_and_hold_no_text() -> None:
    assert "Nadia" not in repr(Word("Nadia", 0, 1, 0))
    assert repr(Stretch(0, 1, 2)) == "Stretch(channel=0, start_ms=1, end_ms=2)"
