"""Plain text, one line a turn: what a person opens first."""

from redact.call import Transcript
from redact.transcripts.cues import displayed, speaker_name

_NO_TIME = "--:--.-"


def write(transcript: Transcript) -> str:
    """A transcript as lines `[00:12.3] Agent: text`, in the order of its turns.

    The time is the turn's start, rounded down to a tenth of a second: minutes and seconds, before them hours from the
    first hour on, and dashes for a turn without times. Nothing is wrapped. A turn without words has no line.

    Returns:
        The whole file's text, with line feeds as line ends; empty for a transcript without words.
    """
    lines = []
    for turn in transcript.turns:
        text = " ".join(filter(None, (displayed(word.text) for word in turn.words)))
        if text:
            speaker = speaker_name(turn)
            lead = f"{speaker}: " if speaker else ""
            lines.append(f"[{_time(turn.start_ms)}] {lead}{text}\n")
    return "".join(lines)


def _time(time_ms: int | None) -> str:
    """`MM:SS.t`, from one hour on `H:MM:SS.t`."""
    if time_ms is None:
        return _NO_TIME
    minutes, ms = divmod(max(time_ms, 0), 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes:02}:{ms // 1000:02}.{ms % 1000 // 100}"
    return f"{hours}:{clock}" if hours else clock
