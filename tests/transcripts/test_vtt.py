from html import unescape

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st
from transcript_examples import (
    HOSTILE,
    SPEAKERS,
    call,
    documented,
    documented_call,
    shown_words,
    turn,
    wild_transcripts,
)

from redact.transcripts import vtt
from redact.transcripts.cues import cues, displayed


def parsed(written: str) -> list[webvtt.Caption]:
    return list(webvtt.from_string(written, strict=True))


def test_overlapping_channels_are_written_by_start() -> None:
    written = vtt.write(
        call(
            turn("customer", 1, ("It's", 1_000, 1_200), ("[CREDIT_CARD_1].", 1_200, 6_050)),
            turn("agent", 0, ("Mhm.", 3_000, 3_400)),
            turn(
                "agent",
                0,
                ("Thanks", 3_661_000, 3_661_400),
                ("a", 3_661_400, 3_661_500),
                ("lot!", 3_661_500, 3_662_001),
            ),
        )
    )
    assert written == (
        "WEBVTT\n"
        "\n"
        "00:00:01.000 --> 00:00:06.050\n"
        "<v Customer>It's [CREDIT_CARD_1].</v>\n"
        "\n"
        "00:00:03.000 --> 00:00:03.834\n"
        "<v Agent>Mhm.</v>\n"
        "\n"
        "01:01:01.000 --> 01:01:02.001\n"
        "<v Agent>Thanks a lot!</v>\n"
    )


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("-->", "--&gt;"),
        ("<v Mallory>", "&lt;v Mallory&gt;"),
        ("AT&T", "AT&amp;T"),
        ("&lt;", "&amp;lt;"),
        ("a\n\nb", "a b"),
        ("שלום 👋", "שלום 👋"),
        ("\x00\ud83d", "\ufffd"),
    ],
)
def test_text_and_speaker_are_escaped(text: str, spelled: str) -> None:
    assert vtt.write(call(turn(text, 0, (text, 0, 900)))) == (
        f"WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n<v {spelled[:1].upper() + spelled[1:]}>{spelled}</v>\n"
    )


def test_no_voice_span_without_a_speaker() -> None:
    assert vtt.write(call(turn("\x00", 0, ("Hm.", 0, 900)))) == "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\nHm.\n"


@pytest.mark.parametrize("transcript", [call(), call(turn("agent", 0)), call(turn("agent", 0, " ", "\x00"))])
def test_a_transcript_without_words_is_a_valid_file_without_cues(transcript) -> None:
    written = vtt.write(transcript)
    assert written == "WEBVTT\n"
    assert parsed(written) == []


@given(wild_transcripts())
def test_another_reader_finds_every_word_of_each_turn_once_and_in_order(transcript) -> None:
    written = vtt.write(transcript)
    written.encode("utf-8")
    said: dict[str, list[str]] = {}
    for caption in parsed(written):
        said.setdefault(caption.voice, []).extend(unescape(caption.text).split("\n"))
    for number, spoken in enumerate(transcript.turns):
        assert " ".join(said.pop(f"Speaker {number}", [])) == " ".join(shown_words(spoken))
    assert said == {}


@given(wild_transcripts(speakers=st.sampled_from(SPEAKERS) | st.sampled_from(HOSTILE)))
def test_another_reader_finds_the_same_cues(transcript) -> None:
    expected = cues(transcript)
    captions = parsed(vtt.write(transcript))
    found = [(c.start_time.in_milliseconds(), c.end_time.in_milliseconds()) for c in captions]
    assert found == [(cue.start_ms, cue.end_ms) for cue in expected]
    assert [unescape(c.voice or "") for c in captions] == [cue.speaker for cue in expected]
    assert [unescape(c.text) for c in captions] == ["\n".join(cue.lines) for cue in expected]
    assert {cue.speaker.lower() for cue in expected} <= {displayed(t.speaker).lower() for t in transcript.turns}


def test_the_documented_example() -> None:
    assert vtt.write(documented_call()) == documented()["vtt"]
