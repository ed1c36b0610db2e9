import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcript_examples import SPEAKERS, call, documented, documented_call, shown_words, turn, wild_transcripts

from redact.errors import InputRejected
from redact.transcripts import plain
from redact.transcripts.formats import opened


def test_one_line_a_turn() -> None:
    written = plain.write(
        call(
            turn("agent", 0, ("Your", 12_399, 12_500), ("name,", 12_500, 12_700), ("please?", 12_700, 13_000)),
            turn("customer", 1, ("[PERSON_1].", 3_723_450, 3_724_000)),
            turn("", 1, "Hm."),
        )
    )
    assert written == (
        "[00:12.3] Agent: Your name, please?\n"
        "[1:02:03.4] Customer: [PERSON_1].\n"
        "[--:--.-] Hm.\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("start_ms", "shown"),
    [
        (0, "[00:00.0]"),
        (99, "[00:00.0]"),
        (59_999, "[00:59.9]"),
        (60_000, "[01:00.0]"),
        (3_599_999, "[59:59.9]"),
        (3_600_000, "[1:00:00.0]"),
        (360_000_000, "[100:00:00.0]"),
        (-5, "[00:00.0]"),
        (None, "[--:--.-]"),
    ],
)
def test_time(start_ms: int | None, shown: str) -> None:
    assert plain.write(call(turn("a", 0, ("b", start_ms, None)))) == f"{shown} A: b\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\n\nlines", "two lines"),
        ("a\r\nb\tc\x0bd\x0ce\x1ef\u2028g\u2029h\x85i", "a b c d e f g h i"),
        ("  Whisper ", "Whisper"),
        ("nul\x00inside", "nulinside"),
        ("\x1b[31mred\x7f\x9b", "[31mred"),
        ("\ufeffbom", "bom"),
        ("\u202eevil\u2066x", "evilx"),
        ("half\ud83d", "half\ufffd"),
        ("12\u202f€\u00a0!", "12\u202f€\u00a0!"),
        ("👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("\u200fשלום\u200e מרחבא", "\u200fשלום\u200e מרחבא"),
        ("<b>&amp;</b> --> {\\an8}", "<b>&amp;</b> --> {\\an8}"),
    ],
)
def test_text_is_shown_on_one_line_and_otherwise_kept(text: str, shown: str) -> None:
    assert plain.write(call(turn("", 0, text))) == f"[--:--.-] {shown}\n"


def test_turns_without_anything_to_show_have_no_line() -> None:
    assert plain.write(call()) == ""
    assert plain.write(call(turn("agent", 0), turn("agent", 0, "\x00", " "), turn("agent", 0, "", "yes"))) == (
        "[--:--.-] Agent: yes\n"
    )


@given(wild_transcripts())
def test_every_word_is_in_its_turns_line_once_and_in_order(transcript) -> None:
    written = plain.write(transcript)
    expected = [" ".join(shown_words(t)) for t in transcript.turns if shown_words(t)]
    lines = written.splitlines()  # breaks at every character that some reader takes for a line break
    assert [re.sub(r"^\[[-\d:.]+\] Speaker \d: ", "", line) for line in lines] == expected
    assert written == "".join(f"{line}\n" for line in lines)
    written.encode("utf-8")


@given(wild_transcripts(speakers=st.sampled_from(SPEAKERS)))
def test_no_speaker_breaks_a_line(transcript) -> None:
    lines = plain.write(transcript).splitlines()
    assert len(lines) == sum(bool(shown_words(t)) for t in transcript.turns)
    assert all(re.match(r"\[[-\d:.]+\] \S", line) for line in lines)


def test_the_documented_example() -> None:
    assert plain.write(documented_call()) == documented()["text"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Agent: hi", ("agent", "hi", None, None)),
        ("agent : hi", ("agent", "hi", None, None)),
        ("[00:12.3] Agent: hi", ("agent", "hi", 12_300, None)),
        ("[1:00:12.3] Agent: hi", ("agent", "hi", 3_612_300, None)),
        ("00:00:12 Agent: hi", ("agent", "hi", 12_000, None)),
        ("Agent (00:12): hi", ("agent", "hi", 12_000, None)),
        ("[--:--.-] Agent: hi", ("agent", "hi", None, None)),
        ("[00:00.500 --> 00:04.000]  hi", ("mixed", "hi", 500, 4_000)),
        ("[00:04.000 - 00:00.500] hi", ("mixed", "hi", 4_000, 4_000)),
        ("Priya Nair: hi", ("speaker 1", "hi", None, None)),
        ("Jean-Pierre de la Tour: hi", ("speaker 1", "hi", None, None)),
        ("Agent: שלום\u202e 👋 a\0b", ("agent", "שלום\u202e 👋 a\0b", None, None)),
        ("Agent: a\ud83d", ("agent", "a\ufffd", None, None)),
        ("the number is: 4539", ("mixed", "the number is: 4539", None, None)),
    ],
)
def test_a_line_is_read_and_written_back(line: str, said: tuple[str, str, int | None, int | None]) -> None:
    file = opened(f"{line}\n", "plain")
    turn = file.read.transcript.turns[0]
    assert (turn.speaker, turn.text, turn.start_ms, turn.end_ms) == said
    clean = line.replace("Priya Nair", "Speaker 1").replace("Jean-Pierre de la Tour", "Speaker 1")
    assert file.redacted(())[0] == clean.replace("\ud83d", "\ufffd") + "\n"


def test_blank_lines_and_line_ends_stay_and_a_line_without_a_speaker_goes_on() -> None:
    text = "Agent: one\r\n\r\n  two\n\nCustomer: three\rfour\x0bfive"
    file = opened(text, "plain")
    assert [(t.speaker, t.text) for t in file.read.transcript.turns] == [
        ("agent", "one two"),
        ("customer", "three four five"),
    ]
    assert file.redacted(())[0] == text


@pytest.mark.parametrize("text", ["Dear all,\nwhat I said stands.\nBye\n", "name: x\nversion: 2\n", "\0\n", "one\n"])
def test_what_is_no_dialogue_is_plain_text_only_by_name(text: str) -> None:
    with pytest.raises(InputRejected, match="format isn't known"):
        opened(text)
    assert opened(text, "plain").redacted(())[0] == text


@settings(deadline=None)
@given(wild_transcripts(speakers=st.sampled_from(["agent", "customer", ""])))
def test_what_we_write_is_read_again(transcript) -> None:
    written = plain.write(transcript)
    if written:
        file = opened(written, "plain")
        assert file.redacted(())[0] == written
        said = [word for t in file.read.transcript.turns for word in t.text.split()]
        shown = [word for t in transcript.turns for text in shown_words(t) for word in text.split()]
        assert sorted(said) == sorted(shown)  # turns are read in the order of their times
