"""Runs a folder of labelled calls through a redactor and adds up how well each was redacted.

The scoring is `redact.score`'s; here is what goes around it: reading the labels, having each call redacted into a
private folder that goes away with it, and the totals by language and by entity type. Redacting and decoding are handed
in, so nothing here loads a model or knows a codec.
"""

import json
import tempfile
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from redact.errors import InputRejected, RedactError
from redact.policy import ENTITY_TYPES
from redact.score import RATE_HZ, CallScore, Gold, GoldItem, Sound, score_call

GOLD_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "PERSON": "PERSON",
        "CREDIT_CARD": "CREDIT_CARD",
        "CVV": "CREDIT_CARD_CVV",
        "CARD_EXPIRY": "CREDIT_CARD_EXPIRATION",
        "BANK_ACCOUNT": "BANK_ACCOUNT",
        "PHONE_NUMBER": "PHONE_NUMBER",
        "EMAIL_ADDRESS": "EMAIL_ADDRESS",
        "ADDRESS": "STREET_ADDRESS",
        "DATE_OF_BIRTH": "DATE_OF_BIRTH",
        "AGE": "AGE",
        "GOVERNMENT_ID": "NATIONAL_ID",
        "VEHICLE_PLATE": "VEHICLE_PLATE",
        "ACCOUNT_REFERENCE": "ACCOUNT_REFERENCE",
        "CREDENTIAL": "CREDENTIAL",
        "USERNAME": "USERNAME",
        "DTMF": "KEYPAD_TONES",
        "MEDICAL": "MEDICAL",
    }
)
"""Our entity type for each label of a gold file. A label that is one of our types already stands for itself.

`NATIONAL_ID` is a name for the figures only: policies know each country's number by its own type, labels don't.
"""

_KNOWN_LABELS = frozenset({*GOLD_LABELS, *GOLD_LABELS.values(), *ENTITY_TYPES})

ALL = "all"
"""Key of the totals over every language."""

_GOLD_SUFFIX = ".gold.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call: its redacted recording and text, or why there is none.

    `wall_s` is the time that redacting took, models already loaded. `error` holds no personal value.
    """

    audio: Path | None
    text: str | None = field(repr=False)
    wall_s: float
    held: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CallResult:
    """One call of the folder, redacted and scored. `error` says why it has no redacted recording."""

    name: str
    language: str
    duration_s: float
    wall_s: float
    held: bool
    error: str | None
    score: CallScore

    @property
    def failed(self) -> bool:
        """True where there is no redacted recording, and not because a person has to decide."""
        return self.error is not None and not self.held


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures summed over some calls; see `redact.score.CallScore` for their meaning.

    Shares are None where there is nothing to take a share of.
    """

    calls: int
    held: int
    failed: int
    items: int
    fully_masked: int
    touched: int
    voiced_ms: int
    leaked_ms: int
    other_ms: int
    over_masked_ms: int
    masked_ms: int
    echo_ms: int
    echo_leaked_ms: int
    text_leaks: int
    duration_s: float
    wall_s: float

    @property
    def fully_share(self) -> float | None:
        """Share of the items that are fully masked."""
        return _share(self.fully_masked, self.items)

    @property
    def leaked_share(self) -> float | None:
        """Share of the items' voiced time that is still heard."""
        return _share(self.leaked_ms, self.voiced_ms)

    @property
    def over_share(self) -> float | None:
        """Share of the voiced time away from items that was lost."""
        return _share(self.over_masked_ms, self.other_ms)

    @property
    def masked_ratio(self) -> float | None:
        """Voiced time lost anywhere, padding included, against the items' voiced time."""
        return _share(self.masked_ms, self.voiced_ms)

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of recording redacted in each second of work."""
        return _share(self.duration_s, self.wall_s)


@dataclass(frozen=True, slots=True)
class TypeTotals:
    """Figures of one entity type, summed over some calls."""

    items: int
    fully_masked: int
    voiced_ms: int
    leaked_ms: int


RedactOne = Callable[[Path, str, Path], Outcome]
"""Redacts the recording at a path, spoken in a language, into a folder."""

Hear = Callable[[Path], Sound]
"""Decodes the recording at a path, to (channels, samples) at `redact.score.RATE_HZ`, in [-1, 1]. Raises RedactError."""


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def evaluate(
    folder: Path, redact_one: RedactOne, hear: Hear, *, only: str = "", progress: Callable[[str], None] | None = None
) -> tuple[CallResult, ...]:
    """Redacts and scores every labelled call of a folder, in the order of their names.

    All labels are read before the first call is redacted. A call that is held or fails counts as leaked whole, and the
    next one is taken.

    Args:
        folder: holds `NAME.gold.json` files and the recordings they name.
        redact_one: is given a folder of its own for each call, deleted as soon as the call is scored.
        hear: decodes originals and redacted recordings alike.
        only: takes only the calls whose name begins so.
        progress: is told about each call, in one line.

    Raises:
        InputRejected: no labelled call is there, labels are wrong, or a labelled recording can't be decoded.
        RedactError: whatever `redact_one` raises.
    """
    tell = progress or (lambda _: None)
    golds = read_golds(folder, only)
    results: list[CallResult] = []
    for number, gold in enumerate(golds, start=1):
        tell(f"[{number}/{len(golds)}] {gold.name} ({gold.language}, {gold.duration_s:.0f} s)")
        original = hear(gold.audio)
        with tempfile.TemporaryDirectory(prefix="redact-evaluate-") as out_dir:  # mode 0700
            outcome = redact_one(gold.audio, gold.language, Path(out_dir))
            redacted, error = _hear_outcome(outcome, hear, channels=len(original))
        if error is not None:
            tell(f"    {'held' if outcome.held else 'failed'}: {error}")
        score = score_call(gold, original, redacted, outcome.text)
        duration_s = original.shape[1] / RATE_HZ
        results.append(CallResult(gold.name, gold.language, duration_s, outcome.wall_s, outcome.held, error, score))
    return tuple(results)


def _hear_outcome(outcome: Outcome, hear: Hear, *, channels: int) -> tuple[Sound | None, str | None]:
    """The redacted sound, or None and why there is none that can be compared."""
    if outcome.audio is None:
        return None, outcome.error or "no redacted recording"
    try:
        redacted = hear(outcome.audio)
    except RedactError as error:
        return None, f"the redacted recording can't be decoded: {error.message}"
    if len(redacted) != channels:
        return None, f"the redacted recording has {len(redacted)} channels instead of {channels}"
    return redacted, None


def total(results: Iterable[CallResult]) -> Totals:
    """Adds up the figures of some calls."""
    calls = tuple(results)
    scores = tuple(call.score for call in calls)
    items = tuple(item for score in scores for item in score.items)
    return Totals(
        calls=len(calls),
        held=sum(call.held for call in calls),
        failed=sum(call.failed for call in calls),
        items=len(items),
        fully_masked=sum(item.fully_masked for item in items),
        touched=sum(item.touched for item in items),
        voiced_ms=sum(item.voiced_ms for item in items),
        leaked_ms=sum(item.leaked_ms for item in items),
        other_ms=sum(score.other_ms for score in scores),
        over_masked_ms=sum(score.over_masked_ms for score in scores),
        masked_ms=sum(score.masked_ms for score in scores),
        echo_ms=sum(score.echo_ms for score in scores),
        echo_leaked_ms=sum(score.echo_leaked_ms for score in scores),
        text_leaks=sum(len(score.text_leaks) for score in scores),
        duration_s=sum(call.duration_s for call in calls),
        wall_s=sum(call.wall_s for call in calls),
    )


def total_by_type(results: Iterable[CallResult]) -> dict[str, TypeTotals]:
    """Adds up the items of some calls by entity type, in alphabetical order."""
    items = tuple(item for call in results for item in call.score.items)
    totals = {}
    for entity_type in sorted({item.entity_type for item in items}):
        those = tuple(item for item in items if item.entity_type == entity_type)
        totals[entity_type] = TypeTotals(
            items=len(those),
            fully_masked=sum(item.fully_masked for item in those),
            voiced_ms=sum(item.voiced_ms for item in those),
            leaked_ms=sum(item.leaked_ms for item in those),
        )
    return totals


def by_language(results: Sequence[CallResult]) -> dict[str, tuple[CallResult, ...]]:
    """The calls of each language, and then, as `ALL`, all of them."""
    languages = sorted({call.language for call in results})
    groups = {language: tuple(call for call in results if call.language == language) for language in languages}
    return groups | {ALL: tuple(results)}


def as_json(results: Sequence[CallResult]) -> dict[str, Any]:
    """Every figure, as one object for `json.dumps`. It holds no value and no word of any call."""
    calls = [
        _figures([call], without=("calls", "held", "failed"))
        | {"name": call.name, "language": call.language, "held": call.held, "error": call.error}
        | {"longer_by_ms": call.score.longer_by_ms, "text_leaked_types": call.score.text_leaks}
        | {"scored_items": [asdict(item) for item in call.score.items]}
        for call in results
    ]
    totals = {
        language: _figures(group) | {"by_type": {name: asdict(row) for name, row in total_by_type(group).items()}}
        for language, group in by_language(results).items()
    }
    return {"calls": calls, "totals": totals}


def _figures(calls: Sequence[CallResult], without: Container[str] = ()) -> dict[str, Any]:
    totals = total(calls)
    shares = ("fully_share", "leaked_share", "over_share", "masked_ratio", "real_time_factor")
    figures = asdict(totals) | {name: getattr(totals, name) for name in shares}
    return {name: figure for name, figure in figures.items() if name not in without}


def read_golds(folder: Path, only: str = "") -> tuple[Gold, ...]:
    """Reads the labels of every call in a folder whose name begins with `only`, sorted by name.

    Raises:
        InputRejected: there is none, or one is wrong.
    """
    paths = sorted(path for path in folder.glob(f"*{_GOLD_SUFFIX}") if path.name.startswith(only))
    if not paths:
        which = f" whose name begins with {only!r}" if only else ""
        raise InputRejected(
            f"{folder}: no labelled call{which}",
            hint=f"Put a NAME{_GOLD_SUFFIX} beside each recording; docs/evaluation.md describes it.",
        )
    return tuple(read_gold(path) for path in paths)


def read_gold(path: Path) -> Gold:
    """Reads one `NAME.gold.json`.

    Raises:
        InputRejected: it can't be read, isn't as `docs/evaluation.md` says, or its recording isn't beside it.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _bad_gold(path, f"can't be read ({error.strerror})") from None
    except (ValueError, RecursionError):  # from None: the original error carries the file's text
        raise _bad_gold(path, "not JSON in UTF-8") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("pii"), list):
        raise _bad_gold(path, 'not an object with a list "pii"')
    audio, language = _text(raw, "audio", f"{path}"), _text(raw, "language", f"{path}")
    if Path(audio).name != audio or not path.with_name(audio).is_file():
        raise _bad_gold(path, '"audio" names no file beside it')
    duration_s = _seconds(raw, "duration", f"{path}")
    items = tuple(_read_item(item, f"{path}, item {number}") for number, item in enumerate(raw["pii"], start=1))
    return Gold(path.name.removesuffix(_GOLD_SUFFIX), path.with_name(audio), language, duration_s, items)


def _read_item(raw: object, where: str) -> GoldItem:
    if not isinstance(raw, dict):
        raise _bad_gold(where, "not an object")
    label = _text(raw, "type", where)
    if label not in _KNOWN_LABELS:
        raise InputRejected(f"{where}: unknown label {label!r}", hint=f"The labels are {', '.join(GOLD_LABELS)}.")
    channel = raw.get("channel")
    if not isinstance(channel, int) or isinstance(channel, bool) or channel < 0:
        raise _bad_gold(where, '"channel" is not a whole number from 0')
    start_s, end_s = _seconds(raw, "start", where), _seconds(raw, "end", where)
    if end_s <= start_s:
        raise _bad_gold(where, '"end" is not after "start"')
    value = _text(raw, "value" if raw.get("value") else "text", where)
    # By way of whole microseconds: 2.01 s, multiplied by 1000 and cut, is 2009 ms.
    start_ms, end_ms = round(start_s * 1e6) // 1000, -(-round(end_s * 1e6) // 1000)
    return GoldItem(GOLD_LABELS.get(label, label), channel, start_ms, end_ms, value)


def _text(raw: Mapping[str, Any], key: str, where: str) -> str:
    text = raw.get(key)
    if not isinstance(text, str) or not text:
        raise _bad_gold(where, f'"{key}" is not a text')
    return text


def _seconds(raw: Mapping[str, Any], key: str, where: str) -> float:
    seconds = raw.get(key)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e6:  # NaN fails too
        raise _bad_gold(where, f'"{key}" is not a time in seconds')
    return float(seconds)


def _bad_gold(where: object, what: str) -> InputRejected:
    return InputRejected(f"{where}: {what}", hint="docs/evaluation.md describes the labels.")
