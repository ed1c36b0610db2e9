"""From a document to the call in it: who said what when, and which field says it again.

A format tells only how its turns are made, with the functions of `Draft`. All else follows from its shape: every text
that no turn says is either the same words once more (`Kind.TEXT`) or prose about the call (`Kind.PROSE`), and both are
looked at. So a field that repeats a name can't be forgotten, only misnamed.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

from rapidfuzz.distance import Indel

from redact.call import Transcript, Turn, Word
from redact.findings import Finding
from redact.plan import said
from redact.transcripts.fields import TEXTS, Kind, Node, Path, number, whole

Refs = tuple[int, ...]
Times = tuple[int | None, int | None]
UNTIMED: Times = (None, None)
SPEAKER_LABEL = "speaker_label"
TOKEN = re.compile(r"\S+")
# Speakers that nobody is: roles, and what engines number their speakers with.
_NOBODY = re.compile(
    r"^(?:agent|customer|caller|client|conseill(?:er|ère)|advis[eo]r|representative|operator|system|bot|ivr|mixed"
    r"|other|unknown|participant|interlocuteur|locuteur|intervenant|speaker|spk|channel|ch|guest|uu|s|p)?"
    r"[ _:#-]*(?:\d{1,3}[A-Z]?|[A-Z])?$",
    re.IGNORECASE,
)
_ROLES = {
    "agent": "agent", "advisor": "agent", "adviser": "agent", "representative": "agent", "operator": "agent",
    "conseiller": "agent", "conseillère": "agent", "conseillere": "agent",
    "customer": "customer", "caller": "customer", "client": "customer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text cut into tokens.

    Attributes:
        spans: characters of each, half open.
        words: for each, indices of the words that it stands for: it is masked where one of them is.
    """

    spans: tuple[tuple[int, int], ...]
    words: tuple[Refs, ...]


@dataclass(frozen=True)
class Read:
    """A call as read, and what in its document says which of its words.

    Attributes:
        transcript: turns, then asides.
        items: indices of the words that an object or a string stands for, by its path; one that is masked masks it.
        marks: the same of marks that stand by themselves.
        texts: of every other text, by its path.
        speakers: what stands for each speaker that is a name.
        known: findings that need no search: the speakers' names.
        again: words of the call by the word of an aside that says them once more.
    """

    transcript: Transcript
    items: Mapping[Path, Refs]
    marks: Mapping[Path, int]
    texts: Mapping[Path, Tokens]
    speakers: Mapping[str, str] = field(repr=False)
    known: tuple[Finding, ...]
    again: Mapping[int, Refs]

    def projected(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings, those in another reading of the call carried over to the words that were said."""
        carried = []
        for found in findings:
            words = sorted({ref for word in found.words for ref in self.again.get(word, ())})
            if words:
                one = Finding(found.entity_type, tuple(words), found.score, found.recognizer, "again", found.evidence)
                carried.append(one)
        return (*findings, *carried)


@dataclass(slots=True)
class _Turn:
    """A turn in the making; its words by the number in which they came."""

    speaker: str
    channel: int
    call: int = 0
    refs: list[int] = field(default_factory=list)


class Draft:
    """A call in the making. Words are known by the number in which they come, until all turns are there.

    Args:
        root: the document.
    """

    def __init__(self, root: Node) -> None:
        self.root = root
        self.language = ""
        self._words: list[Word] = []
        self._turns: list[_Turn] = []
        self._items: dict[Path, int] = {}
        self._heard: dict[Path, Refs] = {}
        self._unlike: list[dict[Path, str]] = []
        self._marks: dict[Path, int] = {}
        self._said: dict[Path, Tokens] = {}
        self._by_times: dict[Times, list[int]] = {}
        self._copies: Counter[tuple[Path, Times, str]] = Counter()
        self._names: dict[str, str] = {}
        self._calls: dict[str, int] = {}
        self._call = 0

    def call(self, name: str) -> None:
        """Turns that follow are of the call of that name; calls come in the order in which they are first named."""
        self._call = self._calls.setdefault(name, len(self._calls))

    def turn(self, speaker: str = "", channel: int = 0) -> None:
        """Begin a turn; the words that follow are its."""
        self._turns.append(_Turn(self._speaker(speaker), channel, self._call))

    def turn_of(self, speaker: str = "", channel: int = 0) -> None:
        """Begin a turn where somebody else speaks than in the one before, or in another call."""
        last = self._turns[-1] if self._turns else None
        if last is None or (last.speaker, last.channel, last.call) != (self._speaker(speaker), channel, self._call):
            self.turn(speaker, channel)

    def word(self, node: Node) -> None:
        """A word of the current turn, from an object with a `Kind.WORD` in it, or from the string itself.

        Raises:
            InputRejected: a field of it isn't what it should be.
        """
        text, confidence = _facts(node)
        self._items[node.path] = self._new(text, node.times(), confidence)

    def mark(self, node: Node) -> None:
        """A punctuation mark by itself, which belongs to the word before."""
        if not self._turns or not self._turns[-1].refs:
            self.word(node)
            return
        ref = self._turns[-1].refs[-1]
        word = self._words[ref]
        self._words[ref] = Word(word.text + _facts(node)[0], word.start_ms, word.end_ms, word.channel, word.confidence)
        self._marks[node.path] = ref

    def copy(self, node: Node) -> None:
        """An object that says a known word once more, told by its times. What isn't known will go.

        Where times and text are those of several words, as where there are no times, a list tells them in their order.
        """
        text, times = said(_facts(node)[0]), node.times()
        told_before = (node.path[:-1], times, text)
        same = [ref for ref in self._by_times.get(times, ()) if not text or said(self._words[ref].text) == text]
        if self._copies[told_before] < len(same):
            self._items[node.path] = same[self._copies[told_before]]
            self._copies[told_before] += 1

    def copy_mark(self, node: Node, after: Node | None) -> None:
        """A mark once more, that stands after the copy of a word."""
        if after is not None and after.path in self._items:
            self._marks[node.path] = self._items[after.path]

    def said(self, node: Node, times: Times = UNTIMED, *lists: Node) -> None:
        """All words of the current turn, from one text.

        Args:
            node: the text.
            times: of the turn. Its first word begins then, its last one ends then, and more is not known.
            lists: of objects that say the same words, also in another form: `four`, `five` for `45`. The first list
                with anything in it tells the times of the words; all are masked where these are.

        Raises:
            InputRejected: a field of a list isn't what it should be.
        """
        text = node.text()
        spans = tuple(match.span() for match in TOKEN.finditer(text))
        tokens = [said(text[first:end]) for first, end in spans]
        refs = range(len(self._words), len(self._words) + len(spans))
        told: list[list[tuple[Times, float | None]]] = [[] for _ in spans]
        for place, items in enumerate(filter(None, (list(each.each()) for each in lists))):
            facts = [_facts(item) for item in items]
            stands = self._hear({item.path: text for item, (text, _) in zip(items, facts, strict=True)}, tokens, refs)
            if place == 0:
                for item, (_, sure), positions in zip(items, facts, stands, strict=True):
                    for position in positions:
                        told[position].append((item.times(), sure))
        for position, (first, end) in enumerate(spans):
            edges = (times[0] if position == 0 else None, times[1] if position == len(spans) - 1 else None)
            self._new(text[first:end], *_outer(told[position], edges))
        self._said[node.path] = Tokens(spans, tuple((ref,) for ref in refs))

    def _hear(self, items: Mapping[Path, str], tokens: Sequence[str], refs: Sequence[int]) -> list[Refs]:
        """Tie the words of a list to the tokens of a text; for each the positions of those that it stands for.

        What the text leaves out, as it does with a word said twice, belongs to the tokens on both sides. What it
        doesn't say in the same letters is looked at by itself too.
        """
        words = [said(text) for text in items.values()]
        matched, same = _matched(words, tokens)
        before = -1
        unlike: dict[Path, str] = {}
        for at, (path, text) in enumerate(items.items()):
            positions = matched[at]
            alike = same or [words[at]] == [tokens[position] for position in positions]
            if positions:
                before = positions[-1]
            else:
                matched[at] = tuple(position for position in (before, before + 1) if 0 <= position < len(tokens))
            self._heard[path] = tuple(refs[position] for position in matched[at])
            if alike:
                unlike = {}
            else:
                if not unlike:
                    self._unlike.append(unlike)
                unlike[path] = text
        return matched

    def build(self, source: str) -> Read:
        """The call, with all its texts tied to words; `source` is the name of the format.

        Raises:
            InputRejected: a field isn't what it should be.
        """
        order = [ref for turn in self._in_order() for ref in turn.refs]
        index = {ref: number for number, ref in enumerate(order)}
        asides = _Asides(len(order))
        texts = {
            path: Tokens(tokens.spans, tuple(tuple(index[ref] for ref in refs) for refs in tokens.words))
            for path, tokens in self._said.items()
        }
        forms = [said(word.text) for word in self._words]
        scopes = _Scopes({path: (ref,) for path, ref in self._items.items()}, self._said, self._words)
        for leaf in self.root.leaves():
            if leaf.shape is Kind.SPEAKER and leaf.value is not None:
                self._speaker(leaf.text())
            if leaf.path in texts or leaf.shape not in TEXTS or not isinstance(leaf.value, str):
                continue
            if leaf.shape is Kind.PROSE:
                texts[leaf.path] = asides.prose(leaf.value)
            else:
                refs = scopes.of(leaf, self.root)
                texts[leaf.path] = asides.again_said(
                    leaf.value,
                    [index[ref] for ref in refs],
                    [forms[ref] for ref in refs],
                    carried=leaf.shape is Kind.TEXT,
                )
        items: dict[Path, Refs] = {path: (index[ref],) for path, ref in self._items.items()}
        items |= {path: tuple(index[ref] for ref in each) for path, each in self._heard.items()}
        for run in self._unlike:
            for path, own in asides.heard(run, items).items():
                items[path] += own
        named = [tuple(ref for (ref,) in asides.prose(name).words) for name in self._names]
        turns = [
            Turn(turn.speaker, turn.channel, tuple(self._words[ref] for ref in turn.refs)) for turn in self._in_order()
        ]
        return Read(
            transcript=Transcript((*turns, *asides.turns), self.language, source),
            items=items,
            marks={path: index[ref] for path, ref in self._marks.items()},
            texts=texts,
            speakers=dict(self._names),
            known=tuple(Finding("PERSON", refs, 1.0, SPEAKER_LABEL, "transcribed") for refs in named if refs),
            again=asides.again,
        )

    def _new(self, text: str, times: Times, confidence: float | None) -> int:
        if not self._turns:
            self.turn()
        ref = len(self._words)
        self._words.append(Word(whole(text), *times, self._turns[-1].channel, confidence))
        self._by_times.setdefault(times, []).append(ref)
        self._turns[-1].refs.append(ref)
        return ref

    def _in_order(self) -> list[_Turn]:
        """Turns of each call in the order of their first word with a time; one without any follows the one before."""
        clocks: dict[int, int] = {}
        keyed = []
        for turn in self._turns:
            started = next((start for ref in turn.refs if (start := self._words[ref].start_ms) is not None), None)
            clocks[turn.call] = clocks.get(turn.call, 0) if started is None else started
            keyed.append(((turn.call, clocks[turn.call]), turn))
        return [turn for _, turn in sorted(keyed, key=lambda pair: pair[0])]

    def _speaker(self, label: str) -> str:
        """The role of a speaker, or the label itself where it is nobody's name, or a number for the name."""
        plain = label.strip()
        if not plain:
            return "mixed"
        if is_nobody(plain):
            return _ROLES.get(plain.lower(), plain.lower())
        return self._names.setdefault(label, f"Speaker {len(self._names) + 1}").lower()


def is_nobody(speaker: str) -> bool:
    """True for a speaker that is nobody's name: a role, or what engines number their speakers with."""
    return bool(_NOBODY.match(speaker.strip()))


def _outer(told: Sequence[tuple[Times, float | None]], edges: Times) -> tuple[Times, float | None]:
    """The outer times of several words, the edges where there are none, and how sure the least sure one is."""
    starts = [start for (start, _), _ in told if start is not None]
    ends = [end for (_, end), _ in told if end is not None]
    sure = [sure for _, sure in told if sure is not None]
    return (min(starts, default=edges[0]), max(ends, default=edges[1])), min(sure, default=None)


def _facts(node: Node) -> tuple[str, float | None]:
    """What an object says of its word: the text and the confidence."""
    text, confidence = "", None
    for leaf in node.leaves():
        if leaf.shape in (Kind.WORD, Kind.MARK) or (leaf.shape is Kind.FORM and not text):
            text = leaf.text().strip() or text
        elif leaf.shape is Kind.CONFIDENCE and (value := number(leaf.value)) is not None:
            confidence = min(max(float(value), 0.0), 1.0)
    return text, confidence


class _Scopes:
    """Which words a text may say once more: those below the object that it stands in, or the nearest around that."""

    def __init__(self, items: Mapping[Path, Refs], texts: Mapping[Path, Tokens], words: Sequence[Word]) -> None:
        below: dict[Path, dict[int, None]] = {}
        for path, refs in [*items.items(), *((path, tuple(chain(*tokens.words))) for path, tokens in texts.items())]:
            for length in range(len(path) + 1):
                below.setdefault(path[:length], {}).update(dict.fromkeys(refs))
        self._below = {path: list(refs) for path, refs in below.items()}
        self._middles: dict[Path, list[int] | None] = {}
        self._words = words

    def of(self, leaf: Node, root: Node) -> list[int]:
        """Refs in the order of the call; only those within the times of the object where it has any."""
        around = [root]
        for part in leaf.path[:-1]:
            node = around[-1]
            around.append(node.child(part, node.value[part]))
        times: Times = UNTIMED
        for node in reversed(around):
            times = node.times() if times == UNTIMED else times
            if node.path in self._below:
                return self._within(node.path, times)
        return []

    def _within(self, path: Path, times: Times) -> list[int]:
        refs = self._below[path]
        if None in times:
            return refs
        if path not in self._middles:
            middles = [_middle(self._words[ref]) for ref in refs]
            ordered = all(a <= b for a, b in pairwise(middles)) and -1 not in middles
            self._middles[path] = middles if ordered else None
        known = self._middles[path]
        start, end = times[0] or 0, times[1] or 0
        if known is not None:
            return refs[bisect_left(known, start) : bisect_right(known, end)]
        return [ref for ref in refs if (middle := _middle(self._words[ref])) == -1 or start <= middle <= end]


def _middle(word: Word) -> int:
    """The middle of a word's time, -1 where it isn't known."""
    return -1 if word.start_ms is None or word.end_ms is None else (word.start_ms + word.end_ms) // 2


class _Asides:
    """Texts that no turn says, as turns of their own.

    Args:
        words: number of words in the call; those of asides are counted on from there.
    """

    def __init__(self, words: int) -> None:
        self._next = words
        self._known: dict[tuple[tuple[str, ...], tuple[Refs, ...]], int] = {}
        self.turns: list[Turn] = []
        self.again: dict[int, Refs] = {}

    def prose(self, text: str, told: Sequence[Refs] = ()) -> Tokens:
        """A text of its own, looked at once where the same words stand for the same ones (`told`) again."""
        spans = tuple(match.span() for match in TOKEN.finditer(text))
        tokens = tuple(text[first:end] for first, end in spans)
        first = self._known.setdefault((tokens, tuple(told)), self._next)
        if first == self._next and tokens:
            words = tuple(Word(whole(token), None, None, 0) for token in tokens)
            self.turns.append(Turn(f"aside {len(self.turns) + 1}", 0, words, aside=True))
            self._next += len(words)
        return Tokens(spans, tuple((first + place,) for place in range(len(tokens))))

    def heard(self, texts: Mapping[Path, str], stands: Mapping[Path, Refs]) -> Mapping[Path, Refs]:
        """Words in a list that say others in another form, looked at together: the new words of each."""
        tokens = iter(self.prose(" ".join(texts.values()), [stands[path] for path in texts]).words)
        own = {path: tuple(next(tokens)[0] for _ in TOKEN.findall(text)) for path, text in texts.items()}
        self.again.update({ref: stands[path] for path, refs in own.items() for ref in refs})
        return own

    def again_said(self, text: str, refs: Sequence[int], words: Sequence[str], *, carried: bool) -> Tokens:
        """A text that says these words once more, given as `said`. What else it says is looked at by itself too.

        An extract stands for the words wherever they were said as they stand in it: it is masked where one of them is.
        """
        spans = tuple(match.span() for match in TOKEN.finditer(text))
        tokens = [said(text[first:end]) for first, end in spans]
        if tokens == list(words):
            return Tokens(spans, tuple((ref,) for ref in refs))
        if runs := _runs(tokens, words):
            return Tokens(spans, tuple(tuple(refs[place] for place in places) for places in runs))
        matched, same = _matched(tokens, words)
        told = [tuple(refs[position] for position in positions) for positions in matched]
        if same:
            return Tokens(spans, tuple(told))
        own = self.prose(text, told)
        if carried:
            self.again.update({ref: stands for (ref,), stands in zip(own.words, told, strict=True) if stands})
        return Tokens(spans, tuple((*stands, *ref) for stands, ref in zip(told, own.words, strict=True)))


def _runs(tokens: Sequence[str], words: Sequence[str]) -> list[Refs]:
    """For each token its positions in all runs of words that are the same; empty where there is no such run."""
    needle, stack = ("\n".join(["", *filter(None, some), ""]) for some in (tokens, words))
    if len(needle) < 3 or needle not in stack:
        return []
    told = [position for position, token in enumerate(tokens) if token]
    spoken = [position for position, word in enumerate(words) if word]
    runs: list[list[int]] = [[] for _ in tokens]
    at = stack.find(needle)
    while at >= 0:
        first = stack.count("\n", 0, at)
        for step, position in enumerate(told):
            runs[position].append(spoken[first + step])
        at = stack.find(needle, at + 1)
    return [tuple(run) for run in runs]


def _matched(tokens: Sequence[str], words: Sequence[str]) -> tuple[list[Refs], bool]:
    """For each token the positions of the words that it stands for, and whether all tokens are words that are there.

    Between two that are the same, each token may stand for any of the words: "4539" for "four five three nine".
    """
    stands: list[Refs] = [()] * len(tokens)
    same = True
    at_token = at_word = 0
    blocks = Indel.opcodes(list(tokens), list(words)).as_matching_blocks() if tokens and words else []
    for token, word, size in [*((b.a, b.b, b.size) for b in blocks), (len(tokens), len(words), 0)]:
        between = tuple(range(at_word, word))
        for position in range(at_token, token):
            stands[position] = between if tokens[position] else ()
        same = same and "".join(tokens[at_token:token]) == "".join(words[at_word:word])
        for step in range(size):
            stands[token + step] = (word + step,)
        at_token, at_word = token + size, word + size
    return stands, same
