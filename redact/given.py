"""A transcript that somebody else made, taken for a recording: only if it is one of this call, and in time with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from redact.alignment import Fit, between, claims, fit, holes, moved, on_channels
from redact.call import Doubt, Recording, Transcript, Word
from redact.errors import InputRejected
from redact.findings import Plan
from redact.listen import Survey, without
from redact.matching import Matches, matched, timed
from redact.transcribe.segments import doubts, plausible
from redact.transcripts.draft import is_nobody

# Of the words of a transcript of this call, at least so many are heard alike; of one of another call, next to none.
LEAST_SHARE = 0.35
# Word times may be off by so much where they are measured word by word, with too little speech to measure it better.
TOLERANCE_MS = 250
_LATEST_MS = 2**40


@dataclass(frozen=True, slots=True)
class Given:
    """A transcript as it is to be used.

    Attributes:
        transcript: with every word on a channel of the recording, and within it.
        heard: what is heard in the recording, less what can't be known of it with this transcript.
        notes: how its times were judged, for the report.
    """

    transcript: Transcript
    heard: Survey
    notes: tuple[str, ...]


def taken(
    transcript: Transcript, heard: Survey, recording: Recording, listen: Callable[[], Transcript], *, realign: bool
) -> Given:
    """Judge a transcript, and put it on the recording's clock and channels.

    Args:
        transcript: as it was read.
        heard: in the recording.
        recording: the facts.
        listen: transcribes the recording; called only where speech alone can't tell whether the words belong to it.
        realign: move times that are measured to be off, rather than refuse them.

    Raises:
        InputRejected: it isn't of this call, or its times are off.
    """
    transcript = _plausible(_said(transcript), _LATEST_MS)
    found = fit(transcript, heard.speech)
    moves: tuple[str, ...] = ()
    if found.verdict == "unsure":
        transcript, found = _by_words(transcript, heard, listen)
    if found.verdict == "shifted" and realign:
        moves = (f"moved by {found.offset_ms} ms and {found.drift_ms} ms a minute",)
        transcript = moved(transcript, found)
        found = fit(transcript, heard.speech)
        if found.verdict == "unsure":
            transcript, found = _by_words(transcript, heard, listen)
    if found.verdict == "shifted":
        raise InputRejected(
            f"the transcript's times don't fit the recording{', moved or not' if moves else ''}: they would have to be"
            f" moved by {found.offset_ms} ms, and by {found.drift_ms} ms more each minute",
            hint="check that it is the transcript of this very recording" + ("" if moves else ", then try --realign"),
        )
    if found.verdict != "good":
        raise InputRejected(
            "the transcript doesn't fit the recording: its words are not where there is speech, at any one offset",
            hint="check that it is the transcript of this very recording, or leave it out to have the call transcribed",
        )
    transcript, told = on_channels(_plausible(transcript, recording.duration_ms), heard.speech)
    transcript = replace(transcript, doubts=_doubts(transcript, heard, together=not told))
    note = f"offset {found.offset_ms} ms, drift {found.drift_ms} ms a minute"
    if not told:  # who is heard on which channel isn't known, and so not where his voice is heard across
        heard = replace(heard, across=None)
    return Given(transcript, heard, ("; ".join(("times from the given transcript", *moves, note)),))


def with_times(given: Given, plan: Plan, listen: Callable[[], Transcript]) -> Given:
    """The same with times for words that are masked and have none, from listening to the recording.

    Args:
        given: as taken.
        plan: whose words matter.
        listen: transcribes the recording; called only where such a word lacks a time.
    """
    words = given.transcript.words
    masked = [words[index] for run in plan.replacements for index in range(run.first, run.last + 1)]
    if all(word.start_ms is not None and word.end_ms is not None for word in masked):
        return given
    note = "times of words that had none are those of the engine's own transcript, where it has the same words"
    return replace(
        given, transcript=timed(given.transcript, matched(given.transcript, listen())), notes=(*given.notes, note)
    )


def _by_words(transcript: Transcript, heard: Survey, listen: Callable[[], Transcript]) -> tuple[Transcript, Fit]:
    """Judge by the words, where their times are too few to be judged by speech; with times for those that lack them."""
    if not transcript.words:
        return transcript, Fit("foreign" if any(heard.speech) else "good")
    matches: Matches = matched(transcript, listen())
    off = matches.offset_ms or 0
    if matches.share < LEAST_SHARE or not matches.steady:
        return transcript, Fit("foreign")
    if abs(off) > TOLERANCE_MS:
        return transcript, Fit("shifted", off)
    return timed(transcript, matches), Fit("good", off)


def _said(transcript: Transcript) -> Transcript:
    """What was said in the call, by roles and numbers: a speaker's name would stand in every output."""
    names: dict[str, str] = {}
    turns = tuple(
        turn
        if is_nobody(turn.speaker)
        else replace(turn, speaker=names.setdefault(turn.speaker, f"speaker {len(names) + 1}"))
        for turn in transcript.turns
        if not turn.aside
    )
    return replace(transcript, turns=turns)


def _plausible(transcript: Transcript, duration_ms: int) -> Transcript:
    turns = tuple(replace(turn, words=plausible(turn.words, duration_ms)) for turn in transcript.turns)
    return replace(transcript, turns=turns)


def _doubts(transcript: Transcript, heard: Survey, *, together: bool) -> tuple[Doubt, ...]:
    """What the transcript says itself, what is odd in it, and speech that it has no words for."""
    found: dict[Doubt, None] = dict.fromkeys(transcript.doubts)
    anybodys = between(transcript.words)
    for channel, part in enumerate(heard.speech):
        turns = [turn for turn in transcript.turns if together or turn.channel == channel]
        claimed = sorted([*anybodys, *(span for turn in turns for span in claims(turn.words))])
        words: Sequence[Word] = [word for turn in transcript.turns if turn.channel == channel for word in turn.words]
        found.update(dict.fromkeys((*doubts(words, ()), *holes(claimed, without(part, heard.tones)))))
    return tuple(found)
