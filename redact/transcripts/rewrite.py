"""A document written back redacted: the same fields, labels in place of what is masked, and nothing that isn't known.

What becomes of a field is decided by its kind alone (`redact.transcripts.fields`). Where a run of words is masked, the
first word of it becomes the label and the others go, in every list that has them; so no list tells how many they were.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from redact.call import Word
from redact.findings import Label
from redact.plan import said
from redact.transcripts.draft import Read, Refs, Tokens
from redact.transcripts.fields import (
    TEXTS,
    First,
    Kind,
    Named,
    Node,
    Path,
    Shape,
    Time,
    fits,
    is_code,
    is_harmless,
    place,
    read_time,
    times_only,
    write_time,
)

HIDDEN = "[REDACTED]"
_GONE: Any = object()
_MARKS = ".?!,;:"
_INDICES = re.compile(r"\[\d+\]")


def rewritten(root: Node, read: Read, labels: Iterable[Label]) -> tuple[Any, Mapping[str, int]]:
    """The redacted document, and how often each field was dropped, by its place.

    Args:
        root: the document as it was read.
        read: what was read.
        labels: of all that is masked, asides among them.
    """
    writer = _Writer(read, labels)
    return writer.node(root), writer.dropped


def strings(value: Any) -> Iterable[str]:
    """All strings and keys in a document, and its numbers as they are written."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


class _Writer:
    def __init__(self, read: Read, labels: Iterable[Label]) -> None:
        self.dropped: Counter[str] = Counter()
        self._read = read
        self._words = read.transcript.words
        self._all = list(labels)
        self._label = {index: label for label in self._all for index in range(label.first, label.last + 1)}
        self._marked = frozenset(read.marks.values())
        self._met: list[list[Label]] = [[]]
        self._hidden: set[Path] = set()

    def node(self, node: Node) -> Any:
        """The node as it is written, or `_GONE`."""
        shape, value = node.shape, node.value
        if shape is None:
            return value if is_harmless(value) else self._drop(node)
        if shape is Kind.DROP:
            gone = [] if isinstance(value, list) else _GONE
            return value if value in (None, [], {}) else self._drop(node, gone)
        if node.path in self._read.items:
            return self._word(node, self._read.items[node.path])
        if node.path in self._read.marks:
            return self._leaves(node, None, self._words[self._read.marks[node.path]])
        if _is_word(node):
            return self._drop(node)  # a word that nobody read
        return self._leaves(node, None)

    def _word(self, node: Node, refs: Refs) -> Any:
        label = self._covering(refs)
        if label is None:
            return self._leaves(node, None, self._words[refs[0]] if refs else None)
        self._met[-1].append(label)
        if not label.text:
            return _GONE
        return self._leaves(node, label)

    def _covering(self, refs: Iterable[int]) -> Label | None:
        return next((self._label[ref] for ref in refs if ref in self._label), None)

    def _leaves(self, node: Node, label: Label | None, word: Word | None = None) -> Any:
        """An object, a list or a leaf, in a word that is masked or kept, or in none."""
        free = isinstance(node.shape, Kind) and node.shape in TEXTS
        if isinstance(node.value, dict) and (free or isinstance(node.shape, Mapping | Named)):
            return self._object(node, label, word)
        if isinstance(node.value, list) and (free or isinstance(node.shape, list | First)):
            return self._list(node, label, word)
        return self._leaf(node, label, word)

    def _inner(self, node: Node, label: Label | None, word: Word | None) -> Any:
        inside = label is not None or word is not None
        return self._leaves(node, label, word) if inside and node.shape not in (None, Kind.DROP) else self.node(node)

    def _object(self, node: Node, label: Label | None, word: Word | None) -> Any:
        self._met.append([])
        result: dict[Any, Any] = {}
        for child in node.children():
            key = child.path[-1]
            if not _may_stay(key, node.shape):
                self._drop(child)
                continue
            hidden = isinstance(node.shape, Named) and node.shape.hidden
            if hidden:
                self._hidden.add(child.path)
            written = self._inner(child, label, word)
            if written is not _GONE:
                result[f"{HIDDEN} {len(result) + 1}" if hidden else key] = written
        if label is not None and isinstance(node.shape, Mapping):
            for key in [key for key, shape in node.shape.items() if shape is Kind.ENTITY]:
                result[key] = label.entity_type
                result |= {other: None for other, shape in node.shape.items() if shape is Kind.CONFIDENCE}
        met = self._met.pop()
        self._met[-1] += met
        if word is None and times_only(node.shape):
            met = self._all  # nothing in it tells what was said then
        if label is None and met:
            self._widen(node, result, met)
        return result

    def _list(self, node: Node, label: Label | None, word: Word | None) -> Any:
        result: list[Any] = []
        before: Label | None = None
        for child in node.children():
            covered = self._covering(self._read.items.get(child.path, ()))
            mark_of = self._read.marks.get(child.path)
            if mark_of is not None and (over := self._label.get(mark_of)) is not None:
                if over.last != mark_of or not over.text:
                    continue
            elif covered is not None and covered is before:
                if covered.end_ms is None and result:
                    _stretch(child, result[-1])
                continue
            else:
                before = covered
            written = self._inner(child, label, word)
            if written is not _GONE:
                result.append(written)
        if isinstance(node.shape, First) and len(node.value) > 1:
            self._note(node, len(node.value) - 1)
        return result

    def _widen(self, node: Node, result: dict[Any, Any], met: list[Label]) -> None:
        """An object's times, where they are those of a masked word: on the grid, as the label's are."""
        if not isinstance(node.shape, Mapping):
            return
        start, end = node.times()
        new_start = min([start or 0, *(m.start_ms for m in met if m.start_ms is not None and _within(start, m))])
        new_end = max([end or 0, *(m.end_ms for m in met if m.end_ms is not None and _within(end, m))])
        for key, was_written in result.items():
            shape = node.shape.get(key)
            if isinstance(shape, Time) and not shape.shown and was_written is not None:
                edges = {"start": new_start, "end": new_end, "duration": new_end - new_start}
                was = {"start": start, "end": end, "duration": (end or 0) - (start or 0)}
                if edges[shape.edge] != was[shape.edge]:
                    result[key] = write_time(edges[shape.edge], shape, was_written)

    def _leaf(self, node: Node, label: Label | None, word: Word | None) -> Any:
        value, shape = node.value, node.shape
        if value is None:
            return None
        if isinstance(shape, Time):
            return self._time(node, shape, label)
        if isinstance(shape, Kind) and fits(shape, value):
            return value
        if shape in (Kind.HIDDEN, Kind.ID, Kind.MOMENT) and isinstance(value, str):
            return HIDDEN
        if shape is Kind.SPEAKER:
            return self._read.speakers.get(str(value), value) if isinstance(value, str | int) else self._drop(node)
        if shape in (Kind.WORD, Kind.FORM, Kind.MARK) and isinstance(value, str):
            return self._spoken(node, value, label, word)
        if isinstance(shape, Kind) and shape in TEXTS:
            return self._text(node)
        return self._drop(node)

    def _spoken(self, node: Node, value: str, label: Label | None, word: Word | None) -> str:
        if label is not None:
            lead = value[: len(value) - len(value.lstrip())]
            bare = node.shape is Kind.FORM or label.last in self._marked
            return lead + label.text + ("" if bare else label.mark)
        if node.shape is Kind.FORM and word is not None and said(value) != said(word.text):
            return word.text  # it should be the same word, and nobody has looked at it
        return value

    def _time(self, node: Node, time: Time, label: Label | None) -> Any:
        read_time(node.value, time, node.path)  # what is no time is an error here too
        if label is None:
            return node.value
        start, end = label.start_ms, label.end_ms
        length = None if start is None or end is None else end - start
        edge = {"start": start, "end": end, "duration": length}[time.edge]
        return node.value if edge is None else write_time(edge, time, node.value)

    def _text(self, node: Node) -> Any:
        tokens = self._read.texts.get(node.path)
        if not isinstance(node.value, str):
            return node.value if is_harmless(node.value) else self._drop(node)
        return node.value if tokens is None and not node.value.strip() else self._redacted(node, tokens)

    def _redacted(self, node: Node, tokens: Tokens | None) -> Any:
        if tokens is None:
            return self._drop(node)
        text = node.value
        covers = [self._covering(refs) for refs in tokens.words]
        for position, refs in enumerate(tokens.words[1:-1], start=1):
            if not refs and covers[position - 1] is covers[position + 1]:
                covers[position] = covers[position - 1]
        parts, written = [], 0
        for position, ((first, _), label) in enumerate(zip(tokens.spans, covers, strict=True)):
            if label is None or (position and covers[position - 1] is label):
                continue
            self._met[-1].append(label)
            last = position
            while last + 1 < len(covers) and covers[last + 1] is label:
                last += 1
            end = tokens.spans[last][1]
            mark = text[end - 1] if text[end - 1] in _MARKS else ""
            parts += [text[written:first], label.text + mark if label.text else ""]
            written = end
        return "".join([*parts, text[written:]])

    def _drop(self, node: Node, instead: Any = _GONE) -> Any:
        self._note(node, 1)
        return instead

    def _note(self, node: Node, count: int) -> None:
        path = tuple("*" if node.path[:at] in self._hidden else part for at, part in enumerate(node.path, start=1))
        self.dropped[_INDICES.sub("", place(path)).removeprefix(".")] += count


def _is_leaf(node: Node) -> bool:
    return isinstance(node.shape, Time) or (isinstance(node.shape, Kind) and node.shape not in TEXTS)


def _is_word(node: Node) -> bool:
    """True for an object that is a word: with the word's text in it, not in a list of several."""
    if isinstance(node.shape, First):
        return not node.value or any(map(_is_word, node.children()))
    if isinstance(node.value, dict):
        return not _is_leaf(node) and any(map(_is_word, node.children()))
    return node.shape in (Kind.WORD, Kind.FORM) and node.value is not None


def _may_stay(key: Any, shape: Shape | None) -> bool:
    """True for a key that the shape names, and for one that can't be anybody's."""
    if isinstance(shape, Mapping) and key in shape:
        return True
    return shape.has(key) if isinstance(shape, Named) else is_code(key)


def _stretch(node: Node, written: Any) -> None:
    """End a label that has no times of its own where the last of the words ends that it stands for."""
    if not isinstance(node.shape, Mapping) or not isinstance(written, dict):
        return
    start = Node(written, node.shape, node.path).times()[0] or 0
    end = node.times()[1]
    for key, shape in node.shape.items():
        if end is not None and isinstance(shape, Time) and shape.edge != "start" and written.get(key) is not None:
            length = end if shape.edge == "end" else max(0, end - start)
            written[key] = write_time(length, shape, written[key])


def _within(time_ms: int | None, label: Label) -> bool:
    return (
        time_ms is not None
        and label.start_ms is not None
        and label.end_ms is not None
        and label.start_ms <= time_ms <= label.end_ms
    )
