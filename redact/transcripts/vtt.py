"""WebVTT subtitles (W3C Candidate Recommendation "WebVTT: The Web Video Text Tracks Format")."""

from redact.call import Transcript
from redact.transcripts.cues import cues, timing


def write(transcript: Transcript) -> str:
    """A transcript as WebVTT: one cue after the other by start, each with its speaker in a voice span.

    Returns:
        The whole file's text, with line feeds as line ends. An empty transcript gives a valid file without cues.
    """
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript):
        text = escaped("\n".join(cue.lines))
        if cue.speaker:
            # The end tag may be left out, but some readers take a bare last line of digits for the next cue's number.
            text = f"<v {escaped(cue.speaker)}>{text}</v>"
        blocks.append(f"{timing(cue, point='.')}\n{text}\n")
    return "\n".join(blocks)


def escaped(text: str) -> str:
    """Cue text or a speaker's name without a character that WebVTT gives a meaning; so `-->` can't occur either."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
