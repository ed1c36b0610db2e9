r"""SRT (SubRip) subtitles.

SRT has no standard and no way to escape. Players act on `<b>`, `{\an8}` and `\N` inside a text, and some readers take
every `-->` for a time line. So the five characters that may be given a meaning are written as their full-width
forms, which look alike and which Unicode's compatibility normalisation (NFKC) turns back.
"""

from redact.call import Transcript
from redact.transcripts.cues import cues, timing

_LOOK_ALIKE = str.maketrans("<>{}\\", "\uff1c\uff1e\uff5b\uff5d\uff3c")


def write(transcript: Transcript) -> str:
    """A transcript as SRT: numbered cues by start, `Speaker: ` before the text of each.

    Returns:
        The whole file's text, with line feeds as line ends; empty for a transcript without words.
    """
    blocks = []
    for number, cue in enumerate(cues(transcript), start=1):
        lead = f"{cue.speaker}: " if cue.speaker else ""
        text = escaped(lead + "\n".join(cue.lines))
        blocks.append(f"{number}\n{timing(cue, point=',')}\n{text}\n")
    return "\n".join(blocks)


def escaped(text: str) -> str:
    """Cue text without a character that a player may give a meaning."""
    return text.translate(_LOOK_ALIKE)
