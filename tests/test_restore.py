"""Restoring: what was encrypted comes back to the character, or nothing does."""

import base64
import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.call import Transcript, Turn, Word
from redact.errors import InputRejected, KeyMissing, UsageError
from redact.findings import Plan, Replacement
from redact.keys import Key
from redact.policy import load
from redact.restore import FORMATS, format_of, restored, restored_file
from redact.text import Labeller, redact
from redact.tokens import BLOCK_BYTES, Cipher, holds_tokens
from redact.transcripts import native, plain, srt, vtt

KEY, OTHER_KEY = Key(bytes(range(32))), Key(bytes(range(1, 33)))
CIPHER = Cipher(KEY)
ENCRYPTS = Labeller(load("default").changed(operators={"PERSON": "encrypt", "AGE": "encrypt"}), KEY)
HOSTILE = [
    "[PERSON:e:", "]", "[", "[x]", "👩‍👩‍👧", "שלום", "\u202eevil", "\ud83d", "a\nb", '"', "\\", "\\u005b", ",", ".",
    "", "<b>&", "-->", "{x}", "nul\x00", "\x80", "é.",
]  # fmt: skip


@st.composite
def calls(draw):
    """Any words, masked in any disjoint runs, each within its turn."""
    texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8), st.characters().map(str))
    turns, runs, first = [], [], 0
    for size in draw(st.lists(st.integers(0, 5), max_size=4)):
        turns.append(Turn("a", 0, tuple(Word(draw(texts), None, None, 0) for _ in range(size))))
        at = first
        while at < first + size:
            last = draw(st.integers(at, first + size - 1))
            if draw(st.booleans()):
                runs.append(Replacement(at, last, draw(st.sampled_from(["PERSON", "AGE"])), "[X]"))
            at = last + 1
        first += size
    return Transcript(tuple(turns), "en", "t"), Plan((), tuple(runs))


@settings(deadline=None, max_examples=200)
@given(calls())
def test_what_was_encrypted_comes_back_to_the_character(call):
    transcript, plan = call
    redacted = redact(transcript, ENCRYPTS.labels(transcript, plan)).transcript
    assert [restored(turn.text, KEY) for turn in redacted.turns] == [turn.text for turn in transcript.turns]
    for turn in redacted.turns:
        if holds_tokens(turn.text):
            with pytest.raises(KeyMissing):
                restored(turn.text, OTHER_KEY)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300), st.data())
def test_one_changed_bit_is_refused(text, data):
    token = CIPHER.token("PERSON", text)
    head, encoded = "[PERSON:e:", token[len("[PERSON:e:") : -1]
    sealed = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    changed = f"{head}{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}]"
    with pytest.raises(KeyMissing):
        restored(f"so {token} and {changed}", KEY)
    assert restored(f"so {token}", KEY) == f"so {text}"


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_one_changed_character_is_refused(data):
    token = CIPHER.token("PERSON", "Desmond Halloway")
    inside = range(len("[PERSON:e:"), len(token) - 1)
    at = data.draw(st.sampled_from(inside))
    character = data.draw(st.characters().filter(lambda c: c not in "[]" and not c.isspace() and c != token[at]))
    for changed in (token[:at] + character + token[at + 1 :], token[:at] + token[at + 1 :]):
        with pytest.raises(KeyMissing) as caught:
            restored(changed, KEY)
    assert caught.value.exit_code == 12


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda token: token.replace("PERSON", "AGE"),
        lambda token: token.replace("]", "=]"),
        lambda token: token[:60] + "]",
        lambda _: "[PERSON:e:]",
        lambda _: "[PERSON:e:AAAA]",
        lambda token: token[:-2] + chr(ord(token[-2]) + 1) + "]",
    ],
    ids=["another type", "padding", "cut", "empty", "short", "unused bits"],
)
def test_what_is_no_longer_the_token_that_was_made_is_refused(spoilt):
    token = CIPHER.token("PERSON", "Desmond Halloway")
    with pytest.raises(KeyMissing) as caught:
        restored(f"{token} {spoilt(token)}", KEY)
    assert "Desmond" not in f"{caught.value} {caught.value.hint}"


def test_tokens_differ_each_time_and_their_length_says_next_to_nothing():
    assert len({CIPHER.token("PERSON", "Iris") for _ in range(9)}) == 9
    lengths = {len(CIPHER.token("PERSON", "é" * n)) for n in range(BLOCK_BYTES // 2)}
    assert len(lengths) == 1
    assert len(CIPHER.token("PERSON", "x" * BLOCK_BYTES)) > lengths.pop()
    with pytest.raises(ValueError, match="name of the type"):
        CIPHER.token("MY TYPE", "x")


def test_what_is_restored_is_not_looked_at_again():
    inner = CIPHER.token("PERSON", "Iris")
    assert restored(CIPHER.token("AGE", inner), KEY) == inner


VALUE = 'O\'Neil, "Iris"; <b>\\ & Vale'


def redacted_call():
    words = ("Hello,", *VALUE.split(" "), "here.", "{x}")
    before = Transcript(
        (Turn("agent", 0, tuple(Word(w, 9 * n, 9 * n + 9, 0) for n, w in enumerate(words))),), "en", "t"
    )
    plan = Plan((), (Replacement(1, len(words) - 3, "PERSON", "[PERSON]"),))
    return before, redact(before, ENCRYPTS.labels(before, plan))


def test_a_json_transcript_comes_back_with_its_layout():
    before, redacted = redacted_call()
    written = native.write(redacted.transcript, duration_ms=99, entities=redacted.entities)
    back = restored_file(written, "json", KEY)
    assert [turn.text for turn in native.read(back).turns] == [turn.text for turn in before.turns]
    assert json.loads(back)["turns"][0]["text"] == before.turns[0].text
    assert back.count("\n") == written.count("\n")
    assert restored_file(json.dumps(json.loads(written)), "json", KEY) == json.dumps(json.loads(back))


def test_jsonl_is_restored_by_line():
    tokens = [CIPHER.token("PERSON", text) for text in ("a\u2028b\n", "c", "\ud83d")]
    lines = "".join(json.dumps({"n": n, "t": token}) + "\r\n" for n, token in enumerate(tokens))
    back = restored_file(lines + "\n", "jsonl", KEY)
    assert [json.loads(line)["t"] for line in back.split("\n") if line.strip()] == ["a\u2028b\n", "c", "\ufffd"]
    assert back.endswith("}\r\n\n")


def test_subtitles_and_text_come_back_escaped_as_they_are_written():
    before, redacted = redacted_call()
    for format_, writer, value in (
        ("vtt", vtt, VALUE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")),
        ("srt", srt, VALUE.translate(str.maketrans("<>\\", "\uff1c\uff1e\uff3c"))),
        ("txt", plain, VALUE),
    ):
        written = writer.write(redacted.transcript)
        back = restored_file(written, format_, KEY)
        assert value in back
        assert back.count("\n") == written.count("\n")
        assert not holds_tokens(back)
    assert back == plain.write(before)
    hostile = CIPHER.token("PERSON", "a\n\n00:00:01.000 --> 00:00:02.000\nb")
    cue = f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{hostile}\n"
    assert restored_file(cue, "vtt", KEY).count("\n") == cue.count("\n")


def test_csv_cells_are_quoted_where_they_have_to_be():
    for delimiter, end in ((",", "\n"), (";", "\r\n"), ("\t", "\n")):
        token = CIPHER.token("PERSON", VALUE)
        content = end.join([delimiter.join(["id", "text", "n"]), delimiter.join(["1", f"Hello {token}.", "2"]), ""])
        back = restored_file(content, "csv", KEY)
        rows = list(csv.reader(io.StringIO(back, newline=""), delimiter=delimiter))
        assert rows == [["id", "text", "n"], ["1", f"Hello {VALUE}.", "2"]]
        assert back.endswith(end)


@pytest.mark.parametrize("format_", FORMATS)
def test_one_wrong_token_and_nothing_is_given_back(format_):
    good, bad = CIPHER.token("PERSON", "Iris"), Cipher(OTHER_KEY).token("PERSON", "Iris")
    content = json.dumps([good, bad]) if format_ in {"json", "jsonl"} else f"{good} {bad}"
    with pytest.raises(KeyMissing):
        restored_file(content, format_, KEY)
    assert "Iris" in restored_file(content.replace(bad, good), format_, KEY)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        *((f"call.redacted.{format_}", "", format_) for format_ in FORMATS),
        ("CALL.JSON", "", "json"),
        ("calls.ndjson", "", "jsonl"),
        ("notes.md", "{}", "txt"),
        ("-", '\ufeff{"a": 1}', "json"),
        ("-", '{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("-", "WEBVTT\n\n", "vtt"),
        ("-", "1\n00:00:00,000 --> 00:00:01,000\nhi\n", "srt"),
        ("-", "[PERSON:e:x] said hi", "txt"),
    ],
)
def test_formats_are_told_by_name_or_content(name, content, expected):
    assert format_of(name, content) == expected


def test_what_can_t_be_restored_is_refused_without_telling_it():
    with pytest.raises(UsageError, match="page"):
        format_of("call.redacted.html", "")
    for content, format_ in (('{"Iris', "json"), ('{}\n"Iris', "jsonl"), ("[" * 100_000, "json"), ('a,"Iris', "csv")):
        with pytest.raises(InputRejected) as caught:
            restored_file(content, format_, KEY)
        assert "Iris" not in str(caught.value)
        assert caught.value.__context__ is None
