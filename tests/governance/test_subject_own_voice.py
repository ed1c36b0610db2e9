"""A person's own words are heard by that person, and nobody else's data are."""

import hashlib
import json
import os
import re
import zipfile
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path

import pytest
import soundfile
from governance_world import ORGANISATION
from subject_world import PHONE, REFERENCE, confirmed, content, indexed, redact

from redact.batch.work import shard
from redact.call import Transcript, Turn, Word
from redact.custody import note_source, sources_of
from redact.errors import CannotWrite, ExitCode, HeldForReview
from redact.findings import AudioInterval, Plan, Replacement
from redact.governance import access, organisation, own_voice, packs, subjects
from redact.governance.access import Made
from redact.governance.on_record import OnRecord
from redact.governance.own_voice import memory_folder, released
from redact.stores.audit import actor
from redact.stores.consent import COLUMNS, read_csv
from redact.transcripts import native

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "en-hotel-booking-dtmf.wav"
BEGAN, NAME_OF_AGENT = "2026-03-02T09:00:00+00:00", "agent-17"
NAME = frozenset({"maud", "ferrant"})


def words(channel: int, start_ms: int, *texts: str) -> Turn:
    spoken = tuple(Word(text, start_ms + 500 * n, start_ms + 500 * n + 400, channel) for n, text in enumerate(texts))
    return Turn("Agent" if channel == 0 else "Customer", channel, spoken)


CALL = Transcript(
    (
        words(0, 0, "I", "am", "Julia."),  # 0 1 2
        words(1, 2000, "Maud", "Ferrant", "here,", "hello", "Julia."),  # 3 4 5 6 7
        words(1, 6000, "my", "number", "0612"),  # 8 9 10
        words(0, 9000, "0612,", "yes"),  # 11 12
        words(1, 12000, "card", "4539"),  # 13 14
    ),
    "en",
    "test",
)


def a_plan(*masked: tuple[int, int, str]) -> Plan:
    """Words masked, with an interval of 200 ms around each run."""
    found = CALL.words
    intervals = tuple(
        AudioInterval(max(0, found[a].start_ms - 200), found[b].end_ms + 200, (0, 1), (kind,)) for a, b, kind in masked
    )
    return Plan(intervals, tuple(Replacement(a, b, kind, f"[{kind}]") for a, b, kind in masked))


@pytest.mark.parametrize(
    ("masked", "heard"),
    [
        ((3, 4, "PERSON"), True),  # one's own name
        ((4, 4, "PERSON"), True),
        ((10, 10, "PHONE_NUMBER"), True),  # one's own number
        ((7, 7, "PERSON"), False),  # the agent's name, said by the customer
        ((2, 2, "PERSON"), False),  # said by the agent
        ((11, 11, "PHONE_NUMBER"), False),  # the customer's number, read back by the agent
        ((14, 14, "CREDIT_CARD"), False),
        ((14, 14, "CREDIT_CARD_CVV"), False),
        ((10, 10, "CREDENTIAL"), False),
        ((10, 10, "DOUBT"), False),
    ],
)
def test_what_is_one_s_own(masked, heard: bool) -> None:
    decided = released(CALL, a_plan(masked), 1, NAME, 150)
    start, end = CALL.words[masked[0]].start_ms, CALL.words[masked[1]].end_ms
    last = [c for c in decided if c.start_ms < end and start < c.end_ms][-1]
    assert (last.entity_type is None) == heard
    if heard:  # all of the mask goes, its edges too
        assert (last.start_ms, last.end_ms) == (max(0, start - 200), end + 200)


def test_where_two_speak_at_once_what_is_another_s_stays_masked() -> None:
    plan = Plan(
        (AudioInterval(1800, 3600, (0, 1), ("PERSON",)),),
        (Replacement(2, 2, "PERSON", "[PERSON]"), Replacement(3, 4, "PERSON", "[PERSON]")),
    )
    over = Transcript((words(0, 1200, "I", "am", "Julia."), *CALL.turns[1:]), "en", "test")
    decided = released(over, plan, 1, NAME, 150)
    heard = [c for c in decided if c.entity_type is None]
    assert [(c.start_ms, c.end_ms) for c in heard] == [(2000, 2900)]  # the words alone, not the whole mask
    assert decided[-1].entity_type == "PERSON"  # and over it, what is Julia's
    assert decided[-1].start_ms < 2900


def test_a_masked_word_without_a_time_is_nobody_s_to_hear() -> None:
    untimed = Transcript((Turn("Customer", 1, (Word("Maud", None, None, 1),)),), "en", "test")
    with pytest.raises(HeldForReview):
        released(untimed, Plan((), (Replacement(0, 0, "PERSON", "[PERSON]"),)), 1, NAME, 150)


class Speaking:
    """Copies in which the person is heard, made up: what the pack does with them is looked at."""

    own = "customer"

    def __init__(self, folder: Path) -> None:
        self.files = {".wav": folder / "own.wav", ".txt": folder / "own.txt"}
        self.files[".wav"].write_bytes(b"RIFF heard")
        self.files[".txt"].write_text("I paid the bell, says 0612")

    @contextmanager
    def made(self, recording_id: str, report: dict):
        yield Made(self.files)


def packed(office, case_id: str, voice=None):
    """What came of an export, and its pack."""
    made, phrase = BytesIO(), packs.passphrase()
    rules = organisation.load(office.world.root / "organisation.yaml")
    done = access.export(office.kept, rules, case_id, made, access.Packing(phrase, voice))
    return done, zipfile.ZipFile(content(packs.opened(BytesIO(made.getvalue()), phrase)))


def test_an_export_with_one_s_own_voice_takes_what_opening_an_original_takes(office, tmp_path) -> None:
    """Training and second person: the original is opened for it, and no way leads around the organisation's rules."""
    case_id, target = confirmed(office, "access"), tmp_path / "x.redact-pack"
    own_voice_export = ("subject", "export", case_id, "-o", str(target), "--own-voice", "--model", "tiny.en")
    rules = {"training": "calls", "second_person": True}
    modules = {"calls": {"title": "Calls in clear", "roles": ["lead"]}}
    office.write({**ORGANISATION, "training": modules, "clear_access": rules})
    untrained = redact(office, *own_voice_export)
    assert (untrained.code, untrained.error.reason) == (ExitCode.HELD, "training")
    assert redact(office, "training", "record", actor(), "--module", "calls", "--score", "1").code == 0
    alone = redact(office, *own_voice_export)
    assert (alone.code, alone.error.reason) == (ExitCode.HELD, "second_person")
    assert not target.exists()
    approvals = office.kept.approvals(str(office.world.dest))
    asked = approvals.all()
    assert {(each.recording_id, each.name, each.reason) for each in asked} == {
        (recording_id, actor(), "own_voice") for recording_id in office.ids[:2]
    }
    approvals.decide(asked[0].number, "lea", grant=True, hours=8)
    assert redact(office, *own_voice_export).code == ExitCode.HELD  # one is missing still
    assert {e.outcome for e in office.kept.audit.entries() if e.action == "subject.export"} == {"begun", "refused"}
    approvals.decide(asked[1].number, "lea", grant=True, hours=8)
    done, _ = packed(office, case_id, Speaking(tmp_path))
    assert [each.form for each in done.given] == ["own", "own"]
    office.write({**ORGANISATION, "clear_access": {"second_person": True}})
    masked = redact(office, "subject", "export", confirmed(office, "access"), "-o", str(target))
    assert masked.code == 0  # nothing in clear is opened for that


def test_a_corrected_transcript_stays_corrected_where_the_person_is_heard(office, tmp_path) -> None:
    case_id, (own, other) = confirmed(office, "access"), office.ids[:2]
    folder = office.world.dest / shard(own)
    (folder / f"{own}.redacted.txt").write_text("I paid the bill, says [PHONE_NUMBER_1]")
    report = folder / f"{own}.report.json"
    told = json.loads(report.read_text())
    digest = hashlib.sha256((folder / f"{own}.redacted.txt").read_bytes()).hexdigest()
    report.write_text(
        json.dumps({**told, "outputs": {**told["outputs"], ".txt": digest}, "notes": ["transcript rectified"]})
    )
    done, pack = packed(office, case_id, Speaking(tmp_path))
    assert {each.recording_id: (each.form, each.corrected) for each in done.given} == {
        own: ("own", True), other: ("own", False),
    }  # fmt: skip
    assert pack.read(f"recordings/{own}.wav") == b"RIFF heard"
    assert pack.read(f"recordings/{own}.txt") == b"I paid the bill, says [PHONE_NUMBER_1]"
    assert not any(b"bell" in pack.read(name) for name in pack.namelist() if own in name)
    assert b"bell" in pack.read(f"recordings/{other}.txt")
    page = pack.read("index.html").decode()
    assert page.count("corrected at a request") == 1
    assert f"may differ from the corrected transcript: {own}<" in page


def beside(office, recording_id: str, **metadata: str) -> str:
    """Have metadata be sealed beside a recording; what its call is called."""
    (told,) = sources_of(office.kept.vault, recording_id)
    note_source(office.kept.vault, recording_id, {**told, **metadata})
    call_id = Path(told["source"]).stem
    for who, notice in ((REFERENCE, "n-1"), ("KD-000001", "n-other")):
        row = f"{call_id},{who},consent,quality,{notice},,en,ivr,voice,{BEGAN},{BEGAN},ev-{notice}"
        office.kept.consent.add(read_csv(StringIO("\n".join([",".join(COLUMNS), row])), office.kept.consent))
    return call_id


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pack_has_what_is_on_record_of_the_person_and_of_nobody_else(office, tmp_path, language) -> None:
    mine, others = office.ids[:2]
    case_id = confirmed(office, "access", language)
    beside(office, mine, customer_id=REFERENCE, phone="0199999999")
    beside(office, others, customer_id="KD-000001", phone="0188888888")
    indexed(office, mine, ("reference", REFERENCE))
    redact(office, "subject", "find", case_id, "-", typed=f"reference: {REFERENCE}\n")
    why = {match.recording_id: match.why for match in subjects.request(office.kept, case_id).matches}
    assert why == {mine: ("consent", "customer", "phone", "reference"), others: ("consent", "email")}
    done, pack = packed(office, case_id)
    given = {each.recording_id: each.on_record for each in done.given}
    assert given[mine].metadata == {"customer_id": REFERENCE, "phone": "0199999999"}
    (record,) = given[mine].lawful_bases
    assert (record["basis"], record["notice_id"]) == ("consent", "n-1")
    assert (record["given_at"], record["channel"], record["purposes"]) == (BEGAN, "ivr", ("quality",))
    assert given[others] == OnRecord((), {}, kept_back=True)  # there it may be another's, who is in the same call
    page = pack.read("index.html").decode()
    assert {"en": "Notice that was told", "fr": "Mention d&#x27;information"}[language] in page.replace("’", "&#x27;")
    assert REFERENCE in page
    for name in ("index.html", "information.json"):
        told = pack.read(name)
        assert not any(value in told for value in (b"KD-000001", b"0188888888", b"n-other"))
    told = redact(office, "subject", "export", case_id, "-o", str(tmp_path / "x"))
    assert f"{others}  lawful basis or metadata kept back" in told.text
    assert f"{mine}  lawful basis" not in told.text


def test_an_employee_is_given_nothing_of_the_customer_s(office, tmp_path) -> None:
    mine, case_id = office.ids[0], confirmed(office, "access")
    beside(office, mine, customer_id="KD-000001", phone="0188888888", agent=NAME_OF_AGENT)
    voice = Speaking(tmp_path)
    voice.own = "agent"
    done, _ = packed(office, case_id, voice)
    assert done.given[0].on_record.metadata == {"agent": NAME_OF_AGENT}
    assert done.given[0].on_record.lawful_bases == ()
    voice.own = "customer"
    done, _ = packed(office, case_id, voice)
    assert done.given[0].on_record.metadata == {"customer_id": "KD-000001", "phone": "0188888888"}
    assert [each["notice_id"] for each in done.given[0].on_record.lawful_bases] == ["n-other"]


def test_a_telephone_that_who_asks_gave_shows_itself_alone(office) -> None:
    mine, case_id = office.ids[0], confirmed(office, "access")
    with office.kept.vault.at_hand(case_id, "case") as path:
        person = json.loads(path.read_text())
    person["contact"].append("+33 6 39 98 11 77")
    office.kept.vault.seal(BytesIO(json.dumps(person).encode()), case_id, "case")
    beside(office, mine, customer_id="KD-000001", phone=PHONE)
    done, _ = packed(office, case_id)
    assert done.given[0].on_record == OnRecord((), {"phone": PHONE}, kept_back=True)


def test_folders_in_memory_go_and_those_of_killed_processes_too(tmp_path) -> None:
    with pytest.raises(CannotWrite), memory_folder(tmp_path):
        pass  # that one is on a disk
    left = own_voice._MEMORY / f"{own_voice._PREFIX}{2**22 + 1}-feed"  # of a process that can't be
    left.mkdir()
    (left / "said").write_text("x")
    with memory_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not left.exists()
        (folder / "said").write_text("x")
        with memory_folder():
            assert folder.exists()  # of a process that is alive
    assert not folder.exists()


@pytest.mark.models
@pytest.mark.slow
def test_the_customer_hears_what_the_customer_said(office, tmp_path_factory) -> None:
    """On half a minute of a real call: the customer's number is heard where the customer says it, and only there."""
    from redact.options import Custody, Options
    from redact.pipeline import Redactor

    half = tmp_path_factory.mktemp("call") / "half.wav"
    sound, rate = soundfile.read(SAMPLE, stop=32 * 8000, dtype="int16")
    soundfile.write(half, sound, rate, subtype="ULAW")
    recording_id = office.ids[0]
    folder = office.world.dest / shard(recording_id)
    for path in folder.glob(f"{recording_id}.*"):
        path.unlink()
    options = Options(model="tiny.en", language="en", force=True)
    Redactor(options).redact_file(half, folder, custody=Custody(name=recording_id))
    with half.open("rb") as original:
        office.kept.vault.seal(original, recording_id, "original")
    before = native.read((folder / f"{recording_id}.redacted.json").read_text())
    case_id = confirmed(office, "access")
    redact(office, "subject", "find", case_id, "--only", recording_id)
    target = tmp_path_factory.mktemp("pack") / "x.redact-pack"
    listening = ("--own-voice", "customer", "--model", "tiny.en", "--language", "en")
    told = redact(office, "subject", "export", case_id, "-o", str(target), *listening)
    assert told.code == 0, told.text
    assert f"{recording_id}  own words heard" in told.text, told.text
    exported = [each for each in office.kept.audit.entries() if each.action == "subject.export"]
    assert [(each.outcome, each.reason) for each in exported] == [("begun", "own_voice"), ("done", "own_voice")]
    phrase = re.search(r"this once: (\S+)", told.text)[1]
    with target.open("rb") as file, zipfile.ZipFile(content(packs.opened(file, phrase))) as pack:
        after = native.read(pack.read(f"recordings/{recording_id}.json").decode())
        assert json.loads(pack.read("information.json"))["recordings"][0]["form"] == "own"
        assert pack.read(f"recordings/{recording_id}.wav") != (folder / f"{recording_id}.redacted.wav").read_bytes()

    def labels(transcript: Transcript, channel: int, *, names: bool) -> int:
        found = [word.text for word in transcript.words if word.channel == channel and word.text.startswith("[")]
        return sum(text.startswith("[PERSON") == names for text in found)

    assert labels(before, 1, names=False) > 0  # the customer's number
    assert labels(after, 1, names=False) == 0
    for channel, names in ((0, False), (0, True), (1, True)):  # nobody there is called as who asks
        assert labels(after, channel, names=names) >= labels(before, channel, names=names) > 0
    assert not list(own_voice._MEMORY.glob(f"{own_voice._PREFIX}{os.getpid()}-*"))
