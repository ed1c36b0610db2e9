"""Views: other readings of what was said, whose every character knows the words it came from.

Speech is not text. "Double five oh one", "S for Sierra" and "john dot smith at" mean `5501`, `S` and
`john.smith@`. A view is such a reading of a *passage* (one turn, or one speaker's answer joined over
the other's "okay"). Anything that finds personal data in text can run on any view; what it finds is
projected back to words, and from words to time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from redact.call import Transcript, Turn


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of dialogue to be read as one: indices into `Transcript.words`, in order.

    `opens` holds the positions (in `words`) at which a turn begins.
    """

    words: tuple[int, ...]
    opens: tuple[int, ...] = (0,)


class Piece(NamedTuple):
    """Characters [start, end) of a view's text, and the words that they stand for."""

    start: int
    end: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A reading of a passage.

    Attributes:
        name: of the kind of reading, e.g. `transcribed`, `written`.
        text: what a recognizer sees.
        pieces: in text order, disjoint; characters between pieces are separators and belong to no word.
    """

    name: str
    text: str = field(repr=False)
    pieces: tuple[Piece, ...] = field(repr=False)

    def words_at(self, start: int, end: int) -> tuple[int, ...]:
        """Sorted indices of the words that characters [start, end) came from."""
        if start >= end:
            return ()
        first = bisect_right(self.pieces, start, key=lambda piece: piece.end)
        last = bisect_left(self.pieces, end, key=lambda piece: piece.start)
        return tuple(sorted({word for piece in self.pieces[first:last] for word in piece.words}))


class ViewBuilder:
    """Collects pieces of text with their words into a `View`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[str] = []
        self._pieces: list[Piece] = []
        self._length = 0

    def add(self, text: str, words: Sequence[int], *, separator: str = " ") -> None:
        """Append text that stands for the given words; the separator comes before it, unless it is the first."""
        if not text:
            return
        start = self._length
        if start and separator:
            self._parts.append(separator)
            start += len(separator)
        self._parts.append(text)
        self._length = start + len(text)
        self._pieces.append(Piece(start, self._length, tuple(words)))

    def build(self) -> View:
        """The view of all that was added."""
        return View(self._name, "".join(self._parts), tuple(self._pieces))


def transcribed(transcript: Transcript, passage: Passage) -> View:
    """The passage's words as they were transcribed, joined by spaces; a new turn starts a new line."""
    words = transcript.words
    view = ViewBuilder("transcribed")
    opens = set(passage.opens)
    for position, index in enumerate(passage.words):
        view.add(words[index].text, (index,), separator="\n" if position in opens else " ")
    return view.build()


def turns(transcript: Transcript) -> tuple[Passage, ...]:
    """One passage for each turn."""
    return tuple(Passage(tuple(indices)) for _, indices in transcript.turn_ranges() if indices)


def answers(transcript: Transcript, is_acknowledgement: Callable[[Turn], bool]) -> tuple[Passage, ...]:
    """Passages of several turns of one speaker that only the other's acknowledgements interrupt.

    A card number comes in four groups, each answered by "okay": no group is a card number, the passage is.
    """
    chains: dict[tuple[int, str], Passage] = {}
    done: list[Passage] = []
    for turn, indices in transcript.turn_ranges():
        speaker = (turn.channel, turn.speaker)
        if not is_acknowledgement(turn):
            done += [chains.pop(other) for other in tuple(chains) if other != speaker]
        elif speaker not in chains:
            continue
        open_chain = chains.get(speaker)
        if open_chain is None:
            chains[speaker] = Passage(tuple(indices))
        else:
            chains[speaker] = Passage((*open_chain.words, *indices), (*open_chain.opens, len(open_chain.words)))
    done += chains.values()
    return tuple(passage for passage in done if len(passage.opens) > 1)
