import io
import unicodedata

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

from redact.transcripts import srt
from redact.transcripts.cues import cues

LOOK_ALIKE = {ord(c): unicodedata.lookup(f"FULLWIDTH {unicodedata.name(c)}") for c in "<>{}\\"}


def parsed(written: str) -> list[webvtt.Caption]:
    return list(webvtt.from_buffer(io.StringIO(written), format="srt")) if written else []


def test_cues_are_numbered_by_start() -> None:
    written = srt.write(
        call(
            turn("customer", 1, ("It's", 1_000, 1_200), ("[CREDIT_CARD_1].", 1_200, 6_050)),
            turn("agent", 0, ("Mhm.", 3_000, 3_400)),
            turn("", 0, ("Thanks!", 3_661_000, 3_662_001)),
        )
    )
    assert written == (
        "1\n"
        "00:00:01,000 --> 00:00:06,050\n"
        "Customer: It's [CREDIT_CARD_1].\n"
        "\n"
        "2\n"
        "00:00:03,000 --> 00:00:03,834\n"
        "Agent: Mhm.\n"
        "\n"
        "3\n"
        "01:01:01,000 --> 01:01:02,001\n"
        "Thanks!\n"
    )


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("-->", "--＞"),
        ("<b>bold</b>", "＜b＞bold＜/b＞"),
        ("{\\an8}", "｛＼an8｝"),
        ("AT&T", "AT&T"),
        ("a\n\n7\n\nb", "a 7 b"),
        ("שלום 👋", "שלום 👋"),
        ("\x00\ud83d", "\ufffd"),
    ],
)
def test_nothing_in_a_text_or_speaker_means_anything_to_a_player(text: str, spelled: str) -> None:
    speaker = spelled[:1].upper() + spelled[1:]
    assert srt.write(call(turn(text, 0, (text, 0, 900)))) == (
        f"1\n00:00:00,000 --> 00:00:00,900\n{speaker}: {spelled}\n"
    )


@pytest.mark.parametrize("transcript", [call(), call(turn("agent", 0)), call(turn("agent", 0, " ", "\x00"))])
def test_a_transcript_without_words_is_an_empty_file(transcript) -> None:
    assert srt.write(transcript) == ""


@given(wild_transcripts())
def test_another_reader_finds_every_word_of_each_turn_once_and_in_order(transcript) -> None:
    written = srt.write(transcript)
    written.encode("utf-8")
    said: dict[str, list[str]] = {}
    for caption in parsed(written):
        speaker, text = caption.raw_text.split(": ", maxsplit=1)
        said.setdefault(speaker, []).extend(text.split("\n"))
    for number, spoken in enumerate(transcript.turns):
        words = [word.translate(LOOK_ALIKE) for word in shown_words(spoken)]
        assert " ".join(said.pop(f"Speaker {number}", [])) == " ".join(words)
    assert said == {}


@given(wild_transcripts(speakers=st.sampled_from(SPEAKERS) | st.sampled_from(HOSTILE)))
def test_another_reader_finds_the_same_cues(transcript) -> None:
    expected = cues(transcript)
    captions = parsed(srt.write(transcript))
    found = [(c.start_time.in_milliseconds(), c.end_time.in_milliseconds()) for c in captions]
    assert found == [(cue.start_ms, cue.end_ms) for cue in expected]
    shown = [(f"{cue.speaker}: " if cue.speaker else "") + "\n".join(cue.lines) for cue in expected]
    assert [c.raw_text for c in captions] == [text.translate(LOOK_ALIKE) for text in shown]


def test_the_documented_example() -> None:
    assert srt.write(documented_call()) == documented()["srt"]
