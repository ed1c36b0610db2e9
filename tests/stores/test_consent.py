"""Lawful bases: what counts and what does not, told by line and column, and persons known by pseudonym only."""

import io
import traceback
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores_world import BOTH

from redact.errors import ExitCode, InputRejected, NoLawfulBasis, UsageError
from redact.stores.consent import BASES, COLUMNS, Consent, Record, moment, read_csv

EARLY, BEGAN, LATE = "2026-03-01T08:59:59+00:00", "2026-03-01T09:00:00+00:00", "2026-03-01T09:00:01+00:00"
CONSENT = Record(
    "call-1", "p" * 32, "consent", ("quality",), "n-1", "", "en", "ivr", "voice", EARLY, BEGAN, "",
)  # fmt: skip
HEADER = ",".join(COLUMNS)
NOTICE = "a" * 64
PERSON = "Wilhelmina Canary"
GOOD = f"call-1,{PERSON},consent,quality;training,n-1,{NOTICE},en,IVR,Voice,2026-03-01T09:59:00+01:00,{BEGAN},ref/1"

REFUSALS = [
    ("consent before the recording", {}, "", ""),
    ("consent as it begins", {"given_at": BEGAN}, "", ""),
    ("consent after it began", {"given_at": LATE}, "", "given_late"),
    ("consent withdrawn", {"withdrawn_at": LATE}, "", "withdrawn"),
    ("consent withdrawn, and late", {"given_at": LATE, "withdrawn_at": LATE}, "", "withdrawn"),
    ("consent at no time", {"given_at": ""}, "", "time_unknown"),
    ("a recording at no time", {"recorded_at": ""}, "", "time_unknown"),
    ("a recording whose time is told", {"recorded_at": ""}, BEGAN, ""),
    ("a recording whose time is told, too early", {"recorded_at": ""}, "2026-03-01T08:00:00+00:00", "given_late"),
    ("the record's time comes first", {}, "2020-01-01T00:00:00+00:00", ""),
    ("an objection does not touch consent", {"objection_at": LATE}, "", ""),
    ("legitimate interest", {"basis": "legitimate_interest", "given_at": ""}, "", ""),
    ("legitimate interest, objected to", {"basis": "legitimate_interest", "objection_at": EARLY}, "", "objection"),
    ("a withdrawal does not touch it", {"basis": "legitimate_interest", "withdrawn_at": EARLY}, "", ""),
    *((f"{basis} by being recorded", {"basis": basis, "given_at": "", "recorded_at": "", "withdrawn_at": EARLY,
                                      "objection_at": EARLY}, "", "")
      for basis in BASES if basis not in {"consent", "legitimate_interest"}),
]  # fmt: skip


def table(*rows, header=HEADER):
    return io.StringIO("\n".join([header, *rows]) + "\n")


def changed(**cells):
    row = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | cells
    return ",".join(row.values())


def imported(consent, *rows, header=HEADER):
    return consent.add(read_csv(table(*rows, header=header), consent))


@pytest.mark.parametrize(
    ("change", "recorded_at", "refusal"), [row[1:] for row in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_what_counts(change, recorded_at, refusal):
    assert replace(CONSENT, **change).refusal(recorded_at) == refusal


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_consent_counts_from_the_second_it_was_given(given_at, began):
    given_at, began = given_at.replace(microsecond=0), began.replace(microsecond=0)
    record = replace(CONSENT, given_at=moment(given_at.isoformat()), recorded_at=moment(began.isoformat()))
    assert record.refusal() == ("" if given_at <= began else "given_late")


@BOTH
def test_a_table_is_imported_in_utc_and_small_letters_and_with_pseudonyms(consent):
    assert imported(consent, GOOD, changed(call_id="call-2", person="another")) == 2
    (record,) = consent.of("call-1")
    assert record == Record(
        "call-1", consent.pseudonym(PERSON), "consent", ("quality", "training"), "n-1", NOTICE, "en", "ivr", "voice",
        "2026-03-01T08:59:00+00:00", BEGAN, "ref/1",
    )  # fmt: skip
    assert consent.require("call-1") == (record,)


def test_columns_may_stand_in_any_order_and_others_than_the_wanted_may_lack(consent):
    assert imported(consent, "contract, x ,call-9", header=" lawful_basis ,person, call_id") == 1
    assert consent.of("call-9")[0].person == consent.pseudonym("x")


WRONG_CELLS = [
    ("call_id", ""), ("call_id", "call 1"), ("call_id", PERSON), ("call_id", "x" * 81), ("person", ""),
    ("person", "  "), ("lawful_basis", ""), ("lawful_basis", "Consent"), ("lawful_basis", PERSON),
    ("purposes", PERSON),
    ("purposes", "Quality"), ("notice_sha256", "a" * 63), ("notice_sha256", PERSON), ("channel", PERSON),
    ("method", PERSON), ("notice_id", PERSON), ("notice_id", "x" * 81), ("language", PERSON), ("language", "x" * 17),
    ("evidence_ref", PERSON), ("evidence_ref", "x" * 81), ("given_at", PERSON), ("given_at", "2026-03-01T09:00:00"),
    ("given_at", "2026-03-02"), ("given_at", "0001-01-01T00:00:00+14:00"), ("recorded_at", "9999-12-31T23:59:59-12:00"),
    ("recorded_at", "yesterday"), ("given_at", "2226-03-01T09:00:00+00:00"),
    ("recorded_at", "2226-03-01T09:00:00+00:00"), ("given_at", ""), ("purposes", ""),
    ("purposes", ";"), ("notice_id", ""),
]  # fmt: skip


@BOTH
def test_cells_may_have_semicolons_between_them_as_french_spreadsheets_write_them(consent):
    cells = GOOD.split(",")
    french = ";".join(f'"{cell}"' if ";" in cell else cell for cell in cells)
    text = f"{HEADER.replace(',', ';')}\r\n{french}\r\n"
    assert consent.add(read_csv(io.StringIO(text, newline=""), consent)) == 1
    found = consent.of("call-1")
    imported(consent, GOOD)
    assert consent.of("call-1") == found
    assert ";" in GOOD
    loose = f"{HEADER.replace(',', ';')}\n{';'.join(cells)}\n"  # purposes that nothing holds together
    with pytest.raises(InputRejected, match="line 2"):
        consent.add(read_csv(io.StringIO(loose), consent))


@BOTH
@pytest.mark.parametrize(("column", "cell"), WRONG_CELLS)
def test_a_wrong_cell_is_told_by_line_and_column_and_nothing_is_kept(consent, column, cell):
    with pytest.raises(InputRejected, match=rf"line 3: .*\b{column}\b") as caught:
        imported(consent, GOOD, changed(**{column: cell}))
    told = str(caught.value) + caught.value.hint + repr(caught.value)
    assert len(cell.strip()) < 3 or cell not in told
    assert consent.of("call-1") == ()


WRONG_TABLES = {
    "nothing": "",
    "no person": "call_id,lawful_basis\na,contract\n",
    "a column that nobody knows": f"{HEADER},{PERSON}\n{GOOD},x\n",
    "a column twice": f"call_id,person,lawful_basis,person\na,{PERSON},contract,x\n",
    "more cells than columns": f"{HEADER}\n{GOOD},{PERSON}\n",
    "fewer cells than columns": f"{HEADER}\ncall-1,{PERSON}\n",
    "a huge cell": f"{HEADER}\ncall-1,{PERSON * 20_000},contract\n",
}


@pytest.mark.parametrize("what", WRONG_TABLES)
def test_a_table_that_is_none_is_refused_without_being_told(consent, what):
    with pytest.raises(InputRejected) as caught:
        consent.add(read_csv(io.StringIO(WRONG_TABLES[what]), consent))
    told = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert PERSON not in told
    assert consent.of("call-1") == ()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_that_is_not_utf_8_is_refused_without_being_told(consent, encoding):
    raw = f"{HEADER}\n{changed(person='Müller')}\n".encode(encoding)
    with pytest.raises(InputRejected) as caught:
        consent.add(read_csv(io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"), consent))
    assert "ller" not in "".join(traceback.format_exception(caught.value))
    assert not isinstance(caught.value.__context__, UnicodeDecodeError)


# Persons

SAME = [
    ("Jane Doe", "jane  doe"), ("Jane Doe", " JANE DOE\t"), ("Straße", "STRASSE"), ("+49 30 1", "+49 30 1 "),
    ("José", unicodedata.normalize("NFD", "José")), ("\uff11\uff12", "12"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_person_has_the_same_pseudonym(consent, one, other):
    assert consent.pseudonym(one) == consent.pseudonym(other)


@pytest.mark.parametrize("person", ["Jane Doe", "+49301234567", "é", "\udcff", "", "x" * 10_000])
def test_a_pseudonym_says_nothing_of_the_person(consent, person):
    pseudonym = consent.pseudonym(person)
    assert len(pseudonym) == 32
    assert int(pseudonym, 16)
    assert pseudonym != consent.pseudonym(person + "x")


@BOTH
def test_pseudonyms_stay_and_are_another_house_s_others(consent, records, keys, keyring, tmp_path):
    from redact.stores import master
    from redact.stores.data_keys import DataKeys
    from redact.stores.database import connect

    assert Consent(records, keys).pseudonym(PERSON) == consent.pseudonym(PERSON)
    elsewhere = DataKeys(connect(f"sqlite:///{tmp_path}/else.db", "keyring"), master.new())
    assert Consent(records, elsewhere).pseudonym(PERSON) != consent.pseudonym(PERSON)


# Withdrawal and objection


@BOTH
@pytest.mark.parametrize("by", ["call", "person", "pseudonym"])
@pytest.mark.parametrize("what", ["withdraw", "object"])
def test_withdrawal_and_objection_by_call_and_by_person(consent, what, by):
    basis = {"withdraw": "consent", "object": "legitimate_interest"}[what]
    calls = ("call-1", "call-2")
    imported(
        consent, *(changed(call_id=call, lawful_basis=basis) for call in calls), changed(call_id="call-3", person="x")
    )
    reference = {"call": "call-1", "person": PERSON.upper(), "pseudonym": consent.pseudonym(PERSON)}[by]
    hit = calls[:1] if by == "call" else calls
    when = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
    assert getattr(consent, what)(reference, when) == len(hit)
    for call in calls:
        if call in hit:
            with pytest.raises(NoLawfulBasis, match="withdrawn" if what == "withdraw" else "objection"):
                consent.require(call)
        else:
            consent.require(call)
    consent.require("call-3")
    noted = consent.of("call-1")[0]
    assert {noted.withdrawn_at, noted.objection_at} == {None, "2026-04-01T12:00:00+00:00"}


@BOTH
def test_a_second_import_does_not_undo_a_withdrawal_or_an_objection(consent):
    imported(consent, GOOD)
    consent.withdraw("call-1")
    consent.object("call-1")
    noted = consent.of("call-1")[0]
    assert imported(consent, changed(notice_id="n-2"), changed(notice_id="n-3")) == 2
    again = consent.of("call-1")[0]
    assert (again.withdrawn_at, again.objection_at) == (noted.withdrawn_at, noted.objection_at)
    assert again.notice_id == "n-3"
    with pytest.raises(NoLawfulBasis, match="withdrawn"):
        consent.require("call-1")


@BOTH
@pytest.mark.parametrize("reference", ["call-9", "Nobody", "", "\udcff", "a\0b", "' OR 1=1 --", "%"])
def test_nobody_s_withdrawal_is_told_and_changes_nothing(consent, reference):
    imported(consent, GOOD)
    for note in (consent.withdraw, consent.object):
        with pytest.raises(UsageError, match="no record"):
            note(reference)
    consent.require("call-1")


# Before a call is read


@BOTH
@pytest.mark.parametrize("call", ["call-9", "", "a b", "\udcff", "a\0b", "CALL-1"])
def test_a_call_that_nobody_recorded_a_basis_for_is_refused(consent, call):
    imported(consent, GOOD)
    with pytest.raises(NoLawfulBasis, match="not_recorded") as caught:
        consent.require(call)
    assert caught.value.exit_code == ExitCode.NO_LAWFUL_BASIS == 6
    assert "redact consent import" in caught.value.hint


@BOTH
def test_each_person_of_a_call_must_allow_it(consent):
    imported(consent, GOOD, changed(person="another", given_at=LATE))
    with pytest.raises(NoLawfulBasis, match="given_late"):
        consent.require("call-1")
    consent.withdraw("call-1")
    with pytest.raises(NoLawfulBasis, match="withdrawn"):
        consent.require("call-1")


@pytest.mark.parametrize("refusal", ["withdrawn", "given_late", "time_unknown", "objection"])
def test_every_refusal_has_its_hint_and_tells_no_person(consent, refusal):
    change = next(row[1] for row in REFUSALS if row[3] == refusal)
    consent.add([replace(CONSENT, **change)])
    with pytest.raises(NoLawfulBasis, match=refusal) as caught:
        consent.require("call-1")
    assert caught.value.hint
    assert CONSENT.person not in str(caught.value)


def test_a_recording_s_time_that_the_record_lacks_is_the_caller_s(consent):
    imported(consent, changed(recorded_at=""))
    with pytest.raises(NoLawfulBasis, match="time_unknown"):
        consent.require("call-1")
    assert consent.require("call-1", BEGAN)
    with pytest.raises(NoLawfulBasis, match="given_late"):
        consent.require("call-1", "2026-03-01T08:00:00+00:00")


def test_a_table_with_semicolons_is_read(consent):
    table = "call_id;person;lawful_basis;purposes\ncall-9;12, Quay Street;contract;quality\n"
    (record,) = read_csv(io.StringIO(table), consent)
    assert (record.call_id, record.basis, record.purposes) == ("call-9", "contract", ("quality",))
