"""Reads back what a page lets a person read of a call, to check it before it is published."""

from html.parser import HTMLParser
from pathlib import Path

_CHUNK = 1 << 16


def spoken(path: Path) -> str:
    """The transcript of a page as its file has it, a turn a line.

    Raises:
        OSError: it can't be read.
    """
    reader = _Turns()
    with path.open(encoding="utf-8") as file:
        while not reader.over and (chunk := file.read(_CHUNK)):  # the sound, which is long, comes after it
            reader.feed(chunk)
    return "\n".join(reader.lines)


class _Turns(HTMLParser):
    """What is said: the text of the paragraphs in the list of turns."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.over = False
        self._inside = False
        self._paragraph = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "ol" and ("id", "turns") in attrs:
            self._inside = True
        elif tag == "p" and self._inside:
            self.lines.append("")
            self._paragraph = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._paragraph = False
        elif tag == "ol" and self._inside:
            self._inside, self.over = False, True

    def handle_data(self, data: str) -> None:
        if self._paragraph:
            self.lines[-1] += data
