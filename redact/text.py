"""The redacted transcript: labels in place of words, made by Presidio's operators."""

from collections.abc import Mapping
from dataclasses import dataclass

from redact.call import Transcript, Turn, Word
from redact.findings import Plan, Replacement
from redact.policy import LabelStyle


@dataclass(frozen=True, slots=True)
class RedactedTranscript:
    """A transcript in which a run of masked words is one word, its label; `entities` gives each label's type."""

    transcript: Transcript
    entities: Mapping[int, str]


def redact(transcript: Transcript, plan: Plan, style: LabelStyle, grid_ms: int = 1) -> RedactedTranscript:
    """Apply a plan's replacements to a transcript.

    Labels: `type` gives `[PERSON]`; `numbered` gives `[PERSON_1]`, and the same value the same number; `hash`
    gives `####` whatever the length. A label's times lie on the grid, as masks do: how long a name is to the
    millisecond may tell which it is. Doubts are kept: they hold times only.
    """
    from presidio_anonymizer.operators import Replace

    operator = Replace()
    numbers: dict[str, dict[str, int]] = {}
    by_first = {replacement.first: replacement for replacement in plan.replacements}
    turns: list[Turn] = []
    entities: dict[int, str] = {}
    written = 0
    for turn, indices in transcript.turn_ranges():
        words: list[Word] = []
        index = indices.start
        while index < indices.stop:
            replacement = by_first.get(index)
            if replacement is None:
                words.append(turn.words[index - indices.start])
                index += 1
                continue
            covered = turn.words[index - indices.start : replacement.last + 1 - indices.start]
            label = _label(replacement, covered, style, numbers)
            text = operator.operate(" ".join(word.text for word in covered), {"new_value": label})
            entities[written + len(words)] = replacement.entity_type
            words.append(_one_word(text, covered, grid_ms))
            index = replacement.last + 1
        written += len(words)
        turns.append(Turn(turn.speaker, turn.channel, tuple(words)))
    redacted = Transcript(
        tuple(turns), transcript.language, transcript.source, transcript.language_probability, transcript.doubts
    )
    return RedactedTranscript(redacted, entities)


def plain_value(words: tuple[Word, ...]) -> str:
    """What a run of words says, free of case, marks and spaces: equal for the same value."""
    return "".join(character for word in words for character in word.text.lower() if character.isalnum())


def _label(
    replacement: Replacement, covered: tuple[Word, ...], style: LabelStyle, numbers: dict[str, dict[str, int]]
) -> str:
    if style == "hash":
        return "####"
    if style == "type":
        return replacement.label
    known = numbers.setdefault(replacement.entity_type, {})
    number = known.setdefault(plain_value(covered), len(known) + 1)
    return f"[{replacement.entity_type}_{number}]"


def _one_word(text: str, covered: tuple[Word, ...], grid_ms: int) -> Word:
    last = covered[-1].text
    mark = last[-1] if last[-1:] in {".", "?", "!", ","} else ""
    starts = [word.start_ms // grid_ms * grid_ms for word in covered if word.start_ms is not None]
    ends = [-(-word.end_ms // grid_ms) * grid_ms for word in covered if word.end_ms is not None]
    return Word(text + mark, min(starts, default=None), max(ends, default=None), covered[0].channel)
