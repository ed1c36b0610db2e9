"""Turns one a row: CSV, JSONL, a JSON array."""

import csv
import io
import json

import pytest
from golden_files import FILES, labels, opened_file
from hypothesis import given
from hypothesis import strategies as st

from redact.errors import InputRejected
from redact.findings import Label
from redact.transcripts import formats, rows
from redact.transcripts.formats import Opened, decoded, opened

PARSERS = {each["name"]: each for each in rows.FORMATS}


def turns(file: Opened) -> list[tuple[str, int, str, int | None, int | None]]:
    return [(t.speaker, t.channel, t.text, t.start_ms, t.end_ms) for t in file.read.transcript.turns if not t.aside]


def unchanged(text: str, format_: str | None = None) -> str:
    return opened(text, format_).redacted(())[0]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("speaker,start,end,text", "agent,1.5,2.5,hi"),
        ("SPEAKER,START_TIME,END_TIME,TEXT", "agent,1.5,2.5,hi"),
        ("Speaker,Start Time,End Time,Message", "agent,1.5,2.5,hi"),
        ("participantRole,startTime,endTime,content", "agent,1.5,2.5,hi"),
        ("role;begin;stop;utterance", "agent;1.5;2.5;hi"),
        ("Locuteur\tDébut\tFin\tTexte", "conseiller\t1.5\t2.5\thi"),
        ("locuteur;début;fin;texte", "conseiller;1,5;2,5;hi"),
        ("participant|start_ms|end_ms|phrase", "agent|1500|2500|hi"),
        ("participant,StartMs,End_MS,phrase", "agent,1500,2500,hi"),
        ("speaker,start,end,text", "agent,00:01.5,00:00:02.500,hi"),
        ("speaker,start,duration,text", "agent,1.5,1,hi"),
        ('"speaker","start","end","text"', '"agent","1.5","2.5","hi"'),
    ],
)
def test_columns_are_known_by_many_names_and_come_back_as_they_were(header: str, row: str) -> None:
    text = f"{header}\n{row}\n"
    assert turns(opened(text)) == [("agent", 0, "hi", 1_500, 2_500)]
    assert unchanged(text) == text
    assert unchanged("\ufeff" + text.replace("\n", "\r\n")) == text.replace("\n", "\r\n")


def test_other_columns_go_unless_they_may_stay_in_their_place() -> None:
    text = "text,note,speaker,Desmond,,\nhi,=1+2 Desmond,agent,yes,a,b\n,@x,agent,,,\n"
    clean, told, dropped = opened(text).redacted(())
    assert clean == "text,speaker\nhi,agent\n,agent\n"
    assert not any("Desmond" in one for one in told)
    assert dropped["rows.note"] == 2
    file = opened(text, kept=("rows.note",))
    masked = next(i for i, word in enumerate(file.read.transcript.words) if word.text == "Desmond")
    kept = file.redacted([Label(masked, masked, "PERSON", "[PERSON_1]")])[0]
    assert kept == "text,note,speaker\nhi,=1+2 [PERSON_1],agent\n,@x,agent\n"


@pytest.mark.parametrize(
    "text",
    [
        "speaker,text\n",
        "speaker,text\nagent,=1+2\nagent,@x\nagent,-3\nagent,+33 1\n",
        'speaker,text\nagent,"one\ntwo"\nagent,"say ""x"", please"\n',
        "text,speaker,channel\nשלום\u202e 👋,agent,1\na\0b,agent,0\n",
    ],
)
def test_cells_come_back_as_they_were(text: str) -> None:
    assert unchanged(text) == text


def test_a_value_that_is_none_of_its_column_leaves_the_cell_empty_and_the_column_in_its_place() -> None:
    text = "confidence,channel,language,text\n07700900142,Desmond Halloway,Desmond Halloway,hi\n0.5,1,en,yes\n"
    assert unchanged(text) == "confidence,channel,language,text\n,,,hi\n0.5,1,en,yes\n"


@pytest.mark.parametrize(
    ("text", "format_", "says"),
    [
        ("speaker,start,end,words\nagent,1,2,hi\n", None, "no column of the table"),
        ("speaker,words\nagent,hi\n", "csv", "no column of the table"),
        ("speaker,text\nagent\n", None, "line 2 has not as many columns"),
        ("speaker,text\nagent,hi\nagent,hi,ho\n", None, "line 3 has not as many columns"),
        ("text,speaker,text\na,b,c\n", None, "two of its columns have the name text"),
        ('speaker,text\nagent,"hi\n', None, "line 2 is not closed"),
        ('speaker,text\nagent,"h"i\n', None, "line 2 is not closed"),
        ("text,start,end\nhi,-5,-1\n", None, r"rows\[0\].end is a time before zero"),
        ("text,start,end\nhi,soon,2\n", None, r"rows\[0\].start is not a time"),
        ("text,start,end\nhi,1e999999,2\n", None, r"rows\[0\].start is not a time"),
        ('{"text": "a"}\n{"text": \n', None, "line 2 is not valid JSON"),
        ('{"text": "a"}\n["text"]\n', None, "line 2 is not a JSON object"),
        ('{"text": "a"}\n' + "[" * 100_000 + "\n", None, "line 2 can't be read"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, format_: str | None, says: str) -> None:
    with pytest.raises(InputRejected, match=says) as refused:
        opened(text, format_)
    assert refused.value.hint


def test_the_error_names_the_columns_that_are_known_and_none_of_the_file() -> None:
    with pytest.raises(InputRejected) as refused:
        opened("speaker,start,end,Desmond\nagent,1,2,hi\n")
    assert "utterance" in refused.value.hint
    assert "Desmond" not in refused.value.message + refused.value.hint


def test_a_table_of_one_column_is_read_if_it_is_named_so() -> None:
    assert [t[2] for t in turns(opened('text\nhi\n"yes, please"\n', "csv"))] == ["hi", "yes, please"]


def test_a_line_of_any_length_up_to_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "word " * 40_000
    assert len(opened(f"speaker,text\nagent,{long}\n").read.transcript.words) == 40_000
    monkeypatch.setattr(formats, "MOST_BYTES", 1_000)
    with pytest.raises(InputRejected, match="larger than") as refused:
        decoded(f"speaker,text\nagent,{long}\n".encode())
    assert "split" in refused.value.hint


def test_times_may_overlap_start_before_zero_and_run_backwards() -> None:
    text = "speaker,start,end,text\nagent,-1,5,a b\ncustomer,3,2,c d\n"
    assert turns(opened(text)) == [("agent", 0, "a b", 0, 5_000), ("customer", 0, "c d", 2_000, 3_000)]
    assert unchanged(text) == text


@pytest.mark.parametrize("name", ["call_id", "callId", "Conversation ID", "CONTACT_ID", "appel_id"])
def test_calls_in_one_file_stay_apart(name: str) -> None:
    text = f"{name},speaker,start,text\nb,agent,5,one\na,agent,1,uno\nb,customer,6,two\na,customer,2,due\n"
    assert [t[2] for t in turns(opened(text))] == ["one", "two", "uno", "due"]
    assert unchanged(text) == text


def test_old_line_ends() -> None:
    assert [t[2] for t in turns(opened("speaker,text\ragent,hi\rcustomer,ho\r"))] == ["hi", "ho"]


@pytest.mark.parametrize(
    "text",
    [
        '{"b": 1, "text": "a", "speaker": "agent"}\n{"speaker": "agent", "text": "é"}\n',
        '{"text":"a","speaker":"agent"}\n\n{"text":"é"}\n',
        '{"text": "a"}\r\n{"text": "b"}\r\n',
        '{"text": "\\u00e9"}\n{"text": "b"}\n',
        '{"text": "a\u2028b\u0085c"}\n{"text": "c"}\n',
    ],
)
def test_lines_come_back_as_they_were(text: str) -> None:
    assert unchanged(text) == text


def test_half_characters_and_numbers_without_end_do_not_come_back() -> None:
    text = '{"text": "a\\ud83d b", "n": 1e999}\n{"text": "é"}\n'
    assert unchanged(text) == '{"text": "a\ufffd b", "n": null}\n{"text": "é"}\n'
    assert opened(text).read.transcript.words[0].text == "a\ufffd"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_number_of_lines_is_a_document(count: int) -> None:
    text = "".join(f'{{"call_id": "c", "text": "line {n}"}}\n' for n in range(count))
    assert len(opened(text, "jsonl").read.transcript.turns) == count
    assert unchanged(text, "jsonl") == text


def test_jsonl_and_an_array_of_turns_say_the_same() -> None:
    lines = next(path for path in FILES if path.suffix == ".jsonl")
    array = json.dumps([json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines() if line])
    one, other = opened_file(lines), opened(array)
    assert other.format.name == "turns"
    assert turns(one) == turns(other)
    clean = one.redacted(labels(one.read.transcript))[0]
    assert [json.loads(line) for line in clean.splitlines() if line] == json.loads(
        other.redacted(labels(other.read.transcript))[0]
    )


_CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=20)


@given(st.lists(st.tuples(_CELLS, _CELLS), max_size=4), st.sampled_from(",;\t|"), st.booleans(), st.booleans())
def test_a_table_is_read_as_it_was_written(cells, delimiter: str, quoted: bool, crlf: bool) -> None:
    file = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    ends = "\r\n" if crlf else "\n"
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=ends).writerows([("speaker", "text"), *cells])
    text = file.getvalue()
    document = PARSERS["csv"]["parse"](text)
    assert [(row["speaker"], row["text"]) for row in document["rows"]] == cells
    assert PARSERS["csv"]["write"](document) == text


_VALUES = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=8)


@given(st.lists(st.none() | st.dictionaries(st.text(max_size=6), _VALUES), min_size=1, max_size=4))
def test_lines_are_read_as_they_were_written(told) -> None:
    parse, write = PARSERS["jsonl"]["parse"], PARSERS["jsonl"]["write"]
    document = {"compact": False, "ascii": False, "crlf": False, "rows": [*told, {"text": "x"}]}
    assert parse(write(document))["rows"] == document["rows"]
