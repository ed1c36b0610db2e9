"""WebVTT and SRT, read and written back."""

import io
from html import unescape

import pytest
import webvtt
from golden_files import FILES, IDS, labels, left, opened_file
from hypothesis import given
from hypothesis import strategies as st

from redact.errors import InputRejected
from redact.findings import Label
from redact.transcripts import srt, vtt
from redact.transcripts.formats import Opened, opened

SUBTITLES = [path for path in FILES if path.suffix in {".vtt", ".srt"}]


def cue(payload: str, *, times: str = "00:00:01.000 --> 00:00:09.000", more: str = "") -> str:
    return f"WEBVTT\n\n{times}\n{payload}\n{more}"


def srt_cue(payload: str) -> str:
    return f"1\n00:00:01,000 --> 00:00:09,000\n{payload}\n"


def turns(file: Opened) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in file.read.transcript.turns if not turn.aside]


def written(text: str, *masks: tuple[int, int], format_: str | None = None) -> str:
    words = opened(text, format_).read.transcript.words
    some = [Label(a, b, "CUSTOM", "[X]", "", words[a].start_ms, words[b].end_ms) for a, b in masks]
    return opened(text, format_).redacted(some)[0]


def captions(text: str, format_: str) -> list[webvtt.Caption]:
    return list(webvtt.from_buffer(io.StringIO(text.replace("\r\n", "\n")), format=format_))


@pytest.mark.parametrize("path", SUBTITLES, ids=[i for i in IDS if i.endswith(("vtt", "srt"))])
def test_another_reader_finds_the_same_cues_at_the_same_times(path) -> None:
    file = opened_file(path)
    text, _, _ = file.redacted(labels(file.read.transcript))
    source = path.read_text(encoding="utf-8")
    source = source.removeprefix("Transcript of the call of Desmond Halloway\n\n").replace("0343\n\n6467", "0343 6467")
    before = captions(source, path.suffix[1:])
    after = captions(text, path.suffix[1:])
    assert [(c.start, c.end) for c in after] == [(c.start, c.end) for c in before]
    assert all(c.text.strip() for c in after)
    assert left(unescape(c.raw_text) for c in after) == []


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("<v Priya Nair>Hello", [("speaker 1", "Hello")]),
        ("<v Agent>Hello</v>\n<v Customer>Yes?</v>", [("agent", "Hello"), ("customer", "Yes?")]),
        ("<v.loud.first Agent>Hello", [("agent", "Hello")]),
        ("<v\tAgent \n 2>Hello", [("agent 2", "Hello")]),
        ("<v R&amp;D>Hello", [("speaker 1", "Hello")]),
        ("<v>Hello", [("mixed", "Hello")]),
        ("Agent: Hello\nCustomer: Yes?", [("agent", "Hello"), ("customer", "Yes?")]),
        ("- Agent: Hello\n- Customer: Yes?", [("agent", "Hello"), ("customer", "Yes?")]),
        ("Conseillère\u00a0: Bonjour", [("agent", "Bonjour")]),
        ("the number is: 4539", [("mixed", "the number is: 4539")]),
        ("Call 07700: now", [("mixed", "Call 07700: now")]),
        ("Des<b>mond</b> <i.x>Hallo<c>way</c></i>", [("mixed", "Desmond Halloway")]),
        ("<lang en>Hi</lang> <ruby>a<rt>b</rt></ruby>", [("mixed", "Hi a b")]),
        ("Des&#109;ond&nbsp;Halloway &lt;x&gt; AT&T &nosuch;", [("mixed", "Desmond Halloway <x> AT&T &nosuch;")]),
        ("a < b and <07700900142>", [("mixed", "a < b and <07700900142>")]),
        ("x&#10;&#10;y\0z", [("mixed", "x y\ufffdz")]),
        ("שלום\u202e 👋\u2028there", [("mixed", "שלום\u202e 👋 there")]),
    ],
)
def test_what_a_cue_says_and_who_says_it(payload: str, said: list[tuple[str, str]]) -> None:
    file = opened(cue(payload))
    assert turns(file) == said
    again = opened(file.redacted(())[0])
    assert turns(again) == said
    assert again.redacted(())[0] == file.redacted(())[0]


def test_all_text_of_a_voice_stays_where_it_stands() -> None:
    assert written(cue("<v Agent>So, one\nAT&amp;T &lt;two</v>\n<v Customer>Yes.")) == cue(
        "<v Agent>So, one\nAT&amp;T &lt;two</v>\n<v Customer>Yes.</v>"
    )


def test_a_number_over_three_cues_is_one_turn_and_each_cue_keeps_its_time() -> None:
    three = "".join(
        f"\n00:0{n}.000 --> 00:0{n}.900\n<v Customer>{text}\n"
        for n, text in enumerate(("it's 4539", "1488 0343", "6467. Yes"))
    )
    text = f"WEBVTT\n{three}"
    assert turns(opened(text)) == [("customer", "it's 4539 1488 0343 6467. Yes")]
    assert written(text, (1, 4)) == (
        "WEBVTT\n"
        "\n00:00.000 --> 00:00.900\n<v Customer>it's [X]</v>\n"
        "\n00:01.000 --> 00:01.900\n<v Customer>[X]</v>\n"
        "\n00:02.000 --> 00:02.900\n<v Customer>[X]. Yes</v>\n"
    )


def test_without_a_speaker_a_pause_begins_a_turn() -> None:
    text = cue(
        "one",
        times="00:01.000 --> 00:02.000",
        more="\n00:03.400 --> 00:04.000\ntwo\n\n00:05.500 --> 00:06.000\nthree\n",
    )
    assert turns(opened(text)) == [("mixed", "one two"), ("mixed", "three")]


def test_a_cue_without_a_prefix_goes_on_with_what_the_speaker_says() -> None:
    text = srt_cue("Agent: one") + "\n2\n00:00:20,000 --> 00:00:21,000\ntwo\n"
    assert turns(opened(text)) == [("agent", "one two")]


def test_times_inside_a_cue_are_those_of_its_words_and_go_with_a_masked_run() -> None:
    text = cue("<v Agent>So<00:00:02.000> <c>my</c> <00:00:03.000>card<00:00:03.500> is <00:00:99.000>x<00:00:02.500>y")
    words = opened(text).read.transcript.words
    assert [(w.text, w.start_ms, w.end_ms) for w in words] == [
        ("So", 1_000, None), ("my", 2_000, None), ("card", 3_000, None), ("is", 3_500, None), ("xy", None, 9_000),
    ]  # fmt: skip
    assert written(text) == cue("<v Agent>So <00:00:02.000>my <00:00:03.000>card <00:00:03.500>is xy</v>")
    assert written(text, (1, 2)) == cue("<v Agent>So <00:00:02.000>[X] <00:00:03.500>is xy</v>")
    assert written(text, (0, 4)) == cue("<v Agent>[X]</v>")


def test_a_masked_run_over_cues_with_times_inside_has_no_time_before_its_cue() -> None:
    text = cue(
        "<v Agent>my<00:00:02.000> card", more="\n00:00:10.000 --> 00:00:12.000\n<v Agent><00:00:11.000>is x</v>\n"
    )
    assert written(text, (1, 2)) == cue(
        "<v Agent>my <00:00:02.000>[X]</v>", more="\n00:00:10.000 --> 00:00:12.000\n<v Agent>[X] x</v>\n"
    )


def test_what_is_no_cue_goes_and_is_told() -> None:
    text = (
        "WEBVTT for Desmond\nAuthor: Desmond\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n"
        "STYLE\n::cue(.desmond) {}\n\nREGION\nid:desmond\n\nNOTE Desmond\n\n"
        "7\n00:01.000 --> 00:02.000 region:desmond align:start position:10%,line-left size:80% line:-1 align:desmond\n"
        "<b>Hi</b>\n\nDesmond\n00:03.000 --> 00:04.000 line:4539148803436467\nyes\n\n07700900142\n"
        "00:05.000 --> 00:06.000\nno\n"
    )
    clean, _, dropped = opened(text).redacted(())
    assert clean == (
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n"
        "7\n00:01.000 --> 00:02.000 align:start position:10%,line-left size:80% line:-1\nHi\n\n"
        "00:03.000 --> 00:04.000\nyes\n\n00:05.000 --> 00:06.000\nno\n"
    )
    assert dropped == {
        "head.title": 1, "head.lines": 1, "cues.note": 3, "cues.tags": 1, "cues.name": 2, "cues.other_settings": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("{\\an8}<i>Desmond</i>\\NHalloway", "Desmond Halloway"),
        ('<font color="#fff">Des</font>mond&nbsp;Halloway', "Desmond Halloway"),
        ("write to <desmond@example.org>", "write to ＜desmond@example.org＞"),
        ("a --> b", "a --＞ b"),
        ("one\n\n6467\n\n\ntwo", "one 6467 two"),
        ("a \ud83d b", "a \ufffd b"),
    ],
)
def test_srt_tags_go_and_nothing_else(payload: str, said: str) -> None:
    text = opened(srt_cue(payload)).redacted(())[0]
    assert turns(opened(text)) == [("mixed", said)]
    assert captions(text, "srt")[0].raw_text.split() == said.split()


def test_srt_is_numbered_anew_and_read_without_blank_lines_between_cues() -> None:
    text = "For Desmond\n\n7\n00:00:01,000 --> 00:00:02,000 X1:4\nhi\n2\n00:00:02,000 --> 00:00:03,000\nyo\n"
    file = opened(text)
    assert file.redacted(())[0] == "1\n00:00:01,000 --> 00:00:02,000\nhi\n\n2\n00:00:02,000 --> 00:00:03,000\nyo\n"
    assert file.redacted(())[2] == {"cues.note": 1, "cues.other_settings": 1}


@pytest.mark.parametrize("text", [cue("<v Agent>one\ntwo</v>"), srt_cue("Agent: one\ntwo")])
def test_line_ends_stay_and_a_byte_order_mark_goes(text: str) -> None:
    assert written("\ufeff" + text.replace("\n", "\r\n")) == text.replace("\n", "\r\n")
    assert written(text.replace("\n", "\r")) == text


@pytest.mark.parametrize(
    ("times", "read"),
    [
        ("00:00:01.000 --> 00:00:02.000", (1_000, 2_000)),
        ("00:01.000 --> 00:02.000", (1_000, 2_000)),
        ("1:00:01.000-->1:00:02.000", (3_601_000, 3_602_000)),
        ("-00:00:01.000 --> 00:00:02.000", (0, 2_000)),
        ("00:00:05.000 --> 00:00:02.000", (2_000, 5_000)),
    ],
)
@pytest.mark.parametrize("point", [".", ","])
def test_times_are_read_and_put_right(times: str, read: tuple[int, int], point: str) -> None:
    text = cue("hi", times=times) if point == "." else f"1\n{times.replace('.', ',')}\nhi\n"
    (word,) = opened(opened(text).redacted(())[0]).read.transcript.words
    assert (word.start_ms, word.end_ms) == read


@pytest.mark.parametrize(
    ("text", "format_", "says"),
    [
        (cue("hi", times="00:01.000 --> -00:02.000"), None, r"cues\[0\].end is a time before zero"),
        (cue("hi", times="00:0x.000 --> 00:02.000"), None, r"cues\[0\] has times that can't be read"),
        ("hello", "vtt", "doesn't begin with WEBVTT"),
        ("WEBVTTX\n", "vtt", "doesn't begin with WEBVTT"),
        ("hello", "srt", "no line of times"),
        (f"1\n{'9' * 5_000}:00:01,000 --> 00:00:02,000\nhi\n", "srt", "no line of times"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, format_: str | None, says: str) -> None:
    with pytest.raises(InputRejected, match=says) as refused:
        opened(text, format_)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["WEBVTT", "WEBVTT\n\nNOTE nothing\n", "WEBVTT\n\n00:01.000 --> 00:02.000\n\n"])
def test_a_file_without_cues_says_nothing(text: str) -> None:
    file = opened(text)
    assert file.read.transcript.turns == ()
    assert file.redacted(())[0] == "WEBVTT\n"


_CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), include_characters="<>&:-.{}\\ \n")
_TEXTS = st.text(_CHARACTERS, min_size=1, max_size=40).map(
    lambda text: "x" + "\n".join(filter(str.strip, text.split("\n")))
)
_SPEAKERS = st.sampled_from(["Agent", "Customer 2", "Priya Nair", "R&D <x>", "שלום"])


@given(st.lists(st.lists(st.tuples(_SPEAKERS, _TEXTS), min_size=1, max_size=3), max_size=4))
def test_voices_are_read_as_they_were_written(cues) -> None:
    document = {
        "crlf": False,
        "head": {"title": None},
        "cues": [
            {
                "start": f"00:0{n}.000",
                "end": f"00:0{n}.900",
                "said": [{"form": "voice", "speaker": speaker, "text": text} for speaker, text in said],
            }
            for n, said in enumerate(cues)
        ],
    }
    assert vtt.FORMATS[0]["parse"](vtt.FORMATS[0]["write"](document)) == document


@given(st.lists(_TEXTS, min_size=1, max_size=4))
def test_what_srt_was_read_and_written_is_read_the_same_again(texts) -> None:
    source = "\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}\n" for n, text in enumerate(texts, start=1))
    parse, write = srt.FORMATS[0]["parse"], srt.FORMATS[0]["write"]
    once = write(parse(source))
    assert write(parse(once)) == once
    assert len(parse(once)["cues"]) == len(texts)
