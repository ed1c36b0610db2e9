"""The redacted transcript: what stands for masked words, first by their indices, then in their place."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from redact.call import Transcript, Turn, Word
from redact.findings import Label, Plan, Replacement
from redact.keys import Key, mac, required
from redact.plan import DOUBT, IsEveryday, never, said, values
from redact.policy import DROPPED_TYPES, Policy

PSEUDONYM_CHARACTERS = 12
"""Of base32: 60 bits, so that among a million values two share a pseudonym once in two million archives."""

_NO_CUSTOM: Mapping[str, Callable[[str], str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RedactedTranscript:
    """A transcript in which a run of masked words is one word, its label; `entities` gives each label's type."""

    transcript: Transcript
    entities: Mapping[int, str]


class Numbers:
    """The numbers of values, by type: kept where one call comes in several pieces."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {}

    def of(self, entity_type: str, value: str) -> int:
        """The value's number: the same for the same value, from 1."""
        known = self._known.setdefault(entity_type, {})
        return known.setdefault(value, len(known) + 1)


class Labeller:
    """Says what stands for what a plan masks. Made once, for any number of calls."""

    def __init__(
        self, policy: Policy, key: Key | None = None, custom: Mapping[str, Callable[[str], str]] = _NO_CUSTOM
    ) -> None:
        """Nothing is read later that could be missing then.

        Args:
            policy: its operators, label style and grid.
            key: for what is keyed.
            custom: functions for the types of which the policy says `custom`.

        Raises:
            KeyMissing: something needs a key, and there is none.
            PolicyError: the policy says `custom` of a type without a function, or the other way round.
        """
        from redact import operators

        self._style = policy.label_style
        self._grid_ms = policy.padding.grid_ms
        self._replace = operators.REPLACE
        self._operations = operators.made(policy, key, custom)
        named = {name: how.operator for name, how in policy.operators.items()}
        self._kept = frozenset(name for name, operator in named.items() if operator == "keep")
        self._makes_up = "surrogate" in named.values()
        self._leaves_nothing = bool({"redact", "custom"} & set(named.values()))
        self._subkey = required(key, "the label style keyed").subkey("pseudonym") if self._style == "keyed" else b""

    def labels(self, transcript: Transcript, plan: Plan, numbers: Numbers | None = None) -> tuple[Label, ...]:
        """What stands for each of the plan's replacements, in their order.

        By style: `type` gives `[PERSON]`; `numbered` gives `[PERSON_1]`, and the same value the same number; `hash`
        gives `####` whatever the length; `keyed` gives `[PERSON_7QK2M4ZPXA5T]`, the same for the same value and key.
        Its times lie on the grid, as masks do: how long a name is to the millisecond may tell which it is.

        Args:
            transcript: of the call, or of a piece of it.
            plan: for it.
            numbers: of the pieces before; None for a whole call.
        """
        numbers = numbers or Numbers()
        words = transcript.words
        avoided: frozenset[str] = frozenset()
        if self._makes_up:
            from redact.surrogates import words_of

            masked = (words[i].text for r in plan.replacements for i in range(r.first, r.last + 1))
            avoided = frozenset(part for text in masked for part in words_of(text) if part)
        labels = []
        for replacement in plan.replacements:
            covered = words[replacement.first : replacement.last + 1]
            mark = _mark(covered)
            value = plain_value(covered)
            operation = self._operations.get(replacement.entity_type)
            if operation is None:
                text = self._replace("", {"new_value": self._label(replacement, value, numbers)})
            else:
                given = {
                    "entity_type": replacement.entity_type,
                    "value": value,
                    "language": transcript.language,
                    "avoided": avoided,
                    "label": partial(self._label, replacement, value, numbers),
                }
                text = operation(" ".join(word.text for word in covered).removesuffix(mark), given)
            labels.append(self._timed(replacement, covered, text, mark))
        if self._leaves_nothing:
            return _nothing_joined(transcript, labels)
        return tuple(labels)

    def unread(self, transcript: Transcript, plan: Plan, is_everyday: IsEveryday = never) -> frozenset[tuple[str, ...]]:
        """The values that must not stand in any text: all that is masked, but for what stands in a text that is kept.

        As of `redact.plan.values`.
        """
        kept = [r for r in plan.replacements if r.entity_type in self._kept]
        if not kept:
            return values(transcript, plan, is_everyday)
        others = tuple(r for r in plan.replacements if r.entity_type not in self._kept)
        runs = {" ".join(_spoken(transcript.words[r.first : r.last + 1])) for r in kept}
        readable = f" {' / '.join(runs)} "
        masked = values(transcript, replace(plan, replacements=others), is_everyday)
        return frozenset(value for value in masked if f" {' '.join(value)} " not in readable)

    def _label(self, replacement: Replacement, value: str, numbers: Numbers) -> str:
        entity_type = replacement.entity_type
        if self._style == "hash":
            return "####"
        # Nothing is made from a code or a PIN, or from what may be one.
        if self._style == "type" or (self._style == "keyed" and entity_type in {*DROPPED_TYPES, DOUBT}):
            return replacement.label
        if self._style == "keyed":
            digest = base64.b32encode(mac(self._subkey, entity_type, value)).decode()
            return f"[{entity_type}_{digest[:PSEUDONYM_CHARACTERS]}]"
        return f"[{entity_type}_{numbers.of(entity_type, value)}]"

    def _timed(self, replacement: Replacement, covered: Sequence[Word], text: str, mark: str) -> Label:
        grid_ms = self._grid_ms
        starts = [word.start_ms // grid_ms * grid_ms for word in covered if word.start_ms is not None]
        ends = [-(-word.end_ms // grid_ms) * grid_ms for word in covered if word.end_ms is not None]
        return Label(
            replacement.first, replacement.last, replacement.entity_type, text, mark,
            min(starts, default=None), max(ends, default=None),
        )  # fmt: skip


def redact(transcript: Transcript, labels: Sequence[Label]) -> RedactedTranscript:
    """Put labels in their places. What is labelled with nothing leaves no word. Doubts are kept: they hold times only.

    Args:
        transcript: of the call.
        labels: sorted, disjoint, each within one turn.
    """
    waiting = iter(labels)
    label = next(waiting, None)
    turns: list[Turn] = []
    entities: dict[int, str] = {}
    written = 0
    for turn, indices in transcript.turn_ranges():
        words: list[Word] = []
        at = indices.start
        while label is not None and label.first < indices.stop:
            words += turn.words[at - indices.start : label.first - indices.start]
            if label.text:
                channel = turn.words[label.first - indices.start].channel
                entities[written + len(words)] = label.entity_type
                words.append(Word(label.text + label.mark, label.start_ms, label.end_ms, channel))
            at = label.last + 1
            label = next(waiting, None)
        if at == indices.start:
            turns.append(turn)
            written += len(turn.words)
            continue
        words += turn.words[at - indices.start :]
        written += len(words)
        turns.append(Turn(turn.speaker, turn.channel, tuple(words)))
    return RedactedTranscript(replace(transcript, turns=tuple(turns)), entities)


def plain_value(words: Sequence[Word]) -> str:
    """What a run of words says, free of case, marks and spaces: equal for the same value."""
    return "".join(character for word in words for character in word.text.lower() if character.isalnum())


def _mark(covered: Sequence[Word]) -> str:
    """The mark that ends a run, where it isn't all that there is."""
    last = covered[-1].text
    return last[-1] if last[-1:] in {".", "?", "!", ","} and (len(last) > 1 or len(covered) > 1) else ""


def _spoken(words: Sequence[Word]) -> list[str]:
    return list(filter(None, (said(word.text) for word in words)))


def _nothing_joined(transcript: Transcript, labels: Sequence[Label]) -> tuple[Label, ...]:
    """The labels, with the type's name where nothing would bring words together that are a value's elsewhere."""
    words = transcript.words
    telling = {word for label in labels for word in _spoken(words[label.first : label.last + 1])}
    by_first = {label.first: label for label in labels}
    for _, indices in transcript.turn_ranges():
        # What is left of the turn: a word free of case and marks, another label's text (""), or nothing (a label).
        row: list[str | Label] = []
        at = indices.start
        while at < indices.stop:
            label = by_first.get(at)
            if label is not None and not label.text:
                row.append(label)
            elif label is not None or said(words[at].text):
                row.append("" if label is not None else said(words[at].text))
            at = at + 1 if label is None else label.last + 1
        before = ""
        for place, item in enumerate(row):
            if isinstance(item, str):
                before = item
                continue
            after = next((other for other in row[place:] if isinstance(other, str)), "")
            if {before, after} <= telling:
                by_first[item.first] = replace(item, text=f"[{item.entity_type}]")
                before = ""
    return tuple(by_first.values())
