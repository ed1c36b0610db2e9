"""What is wrong in a transcript is put right in all of its files, and nothing that is masked comes back by it."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import pytest
from subject_world import PHONE, TERMS, confirmed, indexed, redact

from redact.batch.work import of_report, shard
from redact.call import Transcript, Turn, Word
from redact.errors import Damaged, InputRejected, UsageError
from redact.findings import Finding
from redact.governance import rectification
from redact.governance.organisation import load
from redact.governance.rectification import Change, Looking
from redact.policy import load as load_policy
from redact.text import RedactedTranscript
from redact.transcripts import native, plain, srt, vtt

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
MASKED = "Quastenflosser"


def said(*texts: str, channel: int, start_ms: int) -> tuple[Word, ...]:
    return tuple(Word(text, start_ms + 500 * n, start_ms + 500 * n + 400, channel) for n, text in enumerate(texts))


TRANSCRIPT = Transcript(
    (
        Turn("Agent", 0, said("How", "can", "I", "help?", channel=0, start_ms=0)),
        Turn("Customer", 1, said("I", "am", "[PERSON_1]", "and", "paid", "the", "bell.", channel=1, start_ms=3000)),
        Turn("Agent", 0, said("Thank", "you.", channel=0, start_ms=7000)),
    ),
    "en",
    "test",
)
BEFORE = RedactedTranscript(TRANSCRIPT, {6: "PERSON"})


def nothing(_: Transcript) -> tuple[Finding, ...]:
    return ()


def finds(word: str):
    """Finds one word to be a name, whoever says it."""

    def findings(transcript: Transcript) -> tuple[Finding, ...]:
        at = tuple(n for n, each in enumerate(transcript.words) if word in each.text)
        return (Finding("PERSON", at, 0.9, "test", "transcribed"),) if at else ()

    return findings


def looking(findings=nothing) -> Looking:
    return Looking(findings, load_policy("default"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0:06-0:07 = the bill.", (6000, 7000, "the bill.")),
        ("1:02.5-1:04 = a = b", (62_500, 64_000, "a = b")),
        ("6.25 - 61.001=x", (6250, 61_001, "x")),
    ],
)
def test_changes_are_read(line: str, expected) -> None:
    (change,) = rectification.changes([line, "\n"])
    assert (change.start_ms, change.end_ms, change.text) == expected


@pytest.mark.parametrize("line", ["", "6-5 = x", "6-6 = x", "6-7 =", "x", "6 = x", "-1-2 = x"])
def test_what_is_no_change_is_refused(line: str) -> None:
    with pytest.raises(InputRejected):
        rectification.changes([line])


def test_words_are_replaced_and_masks_keep_their_places() -> None:
    after, new = rectification.changed(BEFORE, [Change(3400, 3950, "was then"), Change(6000, 7000, "bill today.")])
    texts = [word.text for word in after.transcript.words]
    assert texts[4:] == ["I", "was", "then", "[PERSON_1]", "and", "paid", "the", "bill", "today.", "Thank", "you."]
    assert after.entities == {7: "PERSON"}
    assert new == {5, 6, 11, 12}
    times = [(w.start_ms, w.end_ms) for w in after.transcript.words if w.channel == 1]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "change",
    [
        Change(4000, 4500, "x"),  # a mask
        Change(3000, 6000, "x"),  # a mask and more
        Change(9000, 9500, "x"),  # nobody
        Change(1500, 3500, "x"),  # two speakers
    ],
)
def test_a_stretch_that_can_t_be_changed_is_refused(change: Change) -> None:
    with pytest.raises(UsageError):
        rectification.changed(BEFORE, [change])


@pytest.fixture
def there(office):
    """A recording with real transcripts and sound, redacted; its case, its id, and its folder."""
    case_id = confirmed(office, "rectification")
    recording_id = office.ids[0]
    folder = office.world.dest / shard(recording_id)
    contents = {
        ".txt": plain.write(TRANSCRIPT),
        ".vtt": vtt.write(TRANSCRIPT),
        ".srt": srt.write(TRANSCRIPT),
        ".json": native.write(TRANSCRIPT, duration_ms=10_000, entities=BEFORE.entities),
    }
    for suffix, content in contents.items():
        (folder / f"{recording_id}.redacted{suffix}").write_text(content)
    shutil.copy(SAMPLES / "en-internet-outage-control.wav", folder / f"{recording_id}.redacted.wav")
    file = folder / f"{recording_id}.report.json"
    told = json.loads(file.read_text())
    outputs = {f".{path.name.rpartition('.')[2]}": digest(path) for path in folder.glob(f"{recording_id}.redacted.*")}
    file.write_text(json.dumps({**told, "outputs": outputs, "notes": []}))
    return case_id, recording_id, folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rectified(office, there, *changes: Change, findings=nothing) -> int:
    case_id, recording_id, _ = there
    rules = load(office.world.root / "organisation.yaml")
    return rectification.rectify(office.kept, rules, case_id, recording_id, changes, looking(findings))


def test_all_transcripts_say_the_same_and_the_report_knows_them(office, there) -> None:
    _, recording_id, folder = there
    sound = digest(folder / f"{recording_id}.redacted.wav")
    assert rectified(office, there, Change(6000, 7000, "bill.")) == 1
    for suffix in (".txt", ".vtt", ".srt", ".json"):
        content = (folder / f"{recording_id}.redacted{suffix}").read_text()
        assert "bill." in content and "bell" not in content and "[PERSON_1]" in content  # noqa: PT018
    told = office.report_of(recording_id)
    assert told["outputs"] == {
        suffix: digest(folder / f"{recording_id}.redacted{suffix}") for suffix in told["outputs"]
    }
    assert told["outputs"][".wav"] == sound
    assert (told["decisions"], told["notes"]) == (1, ["transcript rectified"])
    assert of_report((folder / f"{recording_id}.report.json").read_bytes()).recording_id == recording_id
    row = office.world.ledger().of(recording_id)[0]
    assert row.report == digest(folder / f"{recording_id}.report.json")
    assert rectified(office, there, Change(5400, 6000, "our")) == 1  # and once more
    assert office.report_of(recording_id)["decisions"] == 2
    assert redact(office, "subject", "close", there[0], "--outcome", "done", "--told-all").code == 0


def test_what_was_masked_can_t_come_back(office, there) -> None:
    _, recording_id, folder = there
    before = {path: path.read_bytes() for path in folder.glob(f"{recording_id}.*")}
    indexed(office, recording_id, ("phone", PHONE))
    clear = [*TRANSCRIPT.turns]
    clear[1] = Turn("Customer", 1, said("I", "am", MASKED, "and", "paid", "the", "bell.", channel=1, start_ms=3000))
    content = native.write(Transcript(tuple(clear), "en", "test"), duration_ms=10_000)
    office.kept.vault.seal(io.BytesIO(content.encode()), recording_id, "transcript")
    for text in (f"bill, says {MASKED}.", f"bill of {PHONE}"):
        with pytest.raises(UsageError, match="something personal") as refused:
            rectified(office, there, Change(6000, 7000, text))
        assert MASKED not in f"{refused.value.message} {refused.value.hint}"
    with pytest.raises(UsageError, match="something personal"):
        rectified(office, there, Change(6000, 7000, "bill of Pruszynski."), findings=finds("Pruszynski"))
    assert {path: path.read_bytes() for path in folder.glob(f"{recording_id}.*")} == before
    assert rectified(office, there, Change(6000, 7000, "bill."), findings=finds("[PERSON_1]")) == 1


def test_what_was_changed_by_somebody_else_is_damaged(office, there) -> None:
    _, recording_id, folder = there
    (folder / f"{recording_id}.redacted.srt").write_text("1")
    with pytest.raises(Damaged):
        rectified(office, there, Change(6000, 7000, "bill."))


def test_facts_of_the_ledger_are_put_right(office) -> None:
    case_id = confirmed(office, "rectification")
    rectify = ("subject", "rectify", case_id, office.ids[0])
    facts = ("--set-language", "fr", "--set-queue", "billing", "--set-recorded-at", "2026-03-01T09:30:00+01:00")
    assert redact(office, *rectify, *facts).code == 0
    row = office.world.ledger().of(office.ids[0])[0]
    assert (row.language, row.queue, row.recorded_at) == ("fr", "billing", "2026-03-01T08:30:00+00:00")
    assert "2026-03-01" in redact(office, "subject", "find", case_id, "-", typed=TERMS).text
    for wrong in (("--set-language", "xx"), ("--set-queue", "no queue"), ("--set-recorded-at", "yesterday"), ()):
        assert redact(office, *rectify, *wrong).code == 2
    other = ("subject", "rectify", case_id, office.ids[3], "--set-queue", "x")
    assert redact(office, *other).code == 2  # none of the request's
    assert office.world.ledger().of(office.ids[3])[0].queue == ""


@pytest.mark.models
def test_new_words_are_looked_through_on_the_command_line(office, there) -> None:
    case_id, recording_id, folder = there
    rectify = ("subject", "rectify", case_id, recording_id, "-")
    told = redact(office, *rectify, typed="6-7 = bill, my name is Desmond Halloway.\n")
    assert told.code == 2
    assert "Halloway" not in told.text
    assert redact(office, *rectify, typed="6-7 = bill.\n").code == 0
    assert "paid the bill." in (folder / f"{recording_id}.redacted.txt").read_text()
