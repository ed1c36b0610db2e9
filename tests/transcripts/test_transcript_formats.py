"""Every format: in, redacted, and in again, with nothing personal left in any field."""

import copy
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from golden_files import FILES, IDS, VALUES, labels, left, opened_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redact.errors import InputRejected, RedactError, UsageError
from redact.findings import Label
from redact.plan import said as plain
from redact.transcripts import formats
from redact.transcripts.formats import FORMATS, decoded, opened
from redact.transcripts.rewrite import strings

each_file = pytest.mark.parametrize("path", FILES, ids=IDS)
JSON_FILES = [path for path in FILES if path.suffix == ".json"]
each_json = pytest.mark.parametrize("path", JSON_FILES, ids=[str(p.relative_to(p.parents[1])) for p in JSON_FILES])


def said_turns(file: formats.Opened) -> list[tuple[str, int, str]]:
    return [(t.speaker, t.channel, t.text) for t in file.read.transcript.turns if not t.aside]


def objects(value, path=()):
    if isinstance(value, dict):
        yield path, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from objects(item, (*path, key))


def test_every_format_has_a_golden_file() -> None:
    assert {each.name for each in FORMATS} == {path.parent.name for path in FILES}


@each_file
def test_a_file_is_recognised_by_what_stands_in_it(path: Path) -> None:
    assert opened_file(path).format.name == path.parent.name


@each_file
def test_the_golden_file_says_what_must_not_be_left(path: Path) -> None:
    told = left([path.read_text(encoding="utf-8")])
    assert {"desmond", "halloway", "900142"} <= set(told)


@each_file
def test_nothing_personal_is_left_in_any_field(path: Path) -> None:
    file = opened_file(path)
    text, told, _ = file.redacted(labels(file.read.transcript))
    assert left(told) == []
    assert left([text]) == []


@each_file
def test_what_was_redacted_is_read_by_the_same_reader(path: Path) -> None:
    file = opened_file(path)
    again = opened(file.redacted(labels(file.read.transcript))[0])
    assert again.format.name == file.format.name
    before, after = said_turns(file), said_turns(again)
    assert [turn[:2] for turn in after] == [turn[:2] for turn in before]
    for (_, _, was), (_, _, now) in zip(before, after, strict=True):
        assert [w for w in was.split() if w in now.split()] or "[CUSTOM_1]" in now
    assert any("[CUSTOM_1]" in text for _, _, text in after)


@each_file
def test_without_findings_nothing_that_was_said_changes(path: Path) -> None:
    file = opened_file(path)
    again = opened(file.redacted(())[0])
    assert said_turns(again) == said_turns(file)
    before, after = (
        [w.start_ms for t in f.read.transcript.turns if not t.aside for w in t.words] for f in (file, again)
    )
    assert after == before


@each_file
def test_times_of_what_is_kept_stay_and_none_runs_backwards(path: Path) -> None:
    file = opened_file(path)
    masked = labels(file.read.transcript)
    covered = {index for label in masked for index in range(label.first, label.last + 1)}
    kept = [
        (w.text, w.start_ms, w.end_ms)
        for i, w in enumerate(file.read.transcript.words)
        if i not in covered and w.start_ms is not None and w.end_ms is not None
    ]
    again = opened(file.redacted(masked)[0]).read.transcript
    now = [
        (w.text, w.start_ms, w.end_ms)
        for w in again.words
        if "CUSTOM" not in w.text and w.start_ms is not None and w.end_ms is not None
    ]
    assert {text for text, *_ in kept} == {text for text, *_ in now} or len(now) == len(kept)
    starts = [t.start_ms for t in again.turns if t.start_ms is not None]
    assert starts == sorted(starts)


@each_file
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_whatever_is_masked_all_else_stays_in_its_place(path: Path, chance: random.Random) -> None:
    file = opened_file(path)
    transcript = file.read.transcript
    masked: list[Label] = []
    for turn, indices in transcript.turn_ranges():
        position = 0
        while position < len(indices) and not file.read.again.keys() & set(indices):
            length = min(chance.randint(1, 4), len(indices) - position)
            carried = file.read.again.keys() & set(indices[position : position + length])
            if chance.random() < 0.3 and not carried:  # what is found there is found in what was said too
                covered = turn.words[position : position + length]
                starts = [w.start_ms // 200 * 200 for w in covered if w.start_ms is not None]
                ends = [-(-w.end_ms // 200) * 200 for w in covered if w.end_ms is not None]
                first = indices[position]
                times = min(starts, default=None), max(ends, default=None)
                masked.append(Label(first, first + length - 1, "CUSTOM", "[CUSTOM_1]", "", *times))
                length += 1  # so that two runs never touch
            position += length
    covered_words = {index for label in masked for index in range(label.first, label.last + 1)}
    again = opened(file.redacted(masked)[0]).read.transcript
    assert [(t.speaker, t.channel) for t in again.turns if not t.aside] == [
        (t.speaker, t.channel) for t in transcript.turns if not t.aside
    ]
    said = {index for turn, indices in transcript.turn_ranges() if not turn.aside for index in indices}
    kept = [w for index, w in enumerate(transcript.words) if index in said and index not in covered_words]
    now = [w for t in again.turns if not t.aside for w in t.words if "[CUSTOM_1]" not in w.text]
    assert [plain(w.text) for w in now] == [plain(w.text) for w in kept]
    # Words with the same times ("4539 1488" for eight that were said) lose them where one of them is masked.
    shared = Counter((w.start_ms, w.end_ms) for i, w in enumerate(transcript.words) if i in said)
    both = [(w, n) for w, n in zip(kept, now, strict=True) if w.start_ms is not None and w.end_ms is not None]
    both = [(w, n) for w, n in both if shared[w.start_ms, w.end_ms] == 1]
    assert [(n.start_ms, n.end_ms) for _, n in both] == [(w.start_ms, w.end_ms) for w, _ in both]


@each_json
def test_an_unknown_field_goes_wherever_it_stands_and_is_told(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    places = [place for place, _ in objects(document)]
    for place in places[:200]:
        changed = copy.deepcopy(document)
        target = changed
        for key in place:
            target = target[key]
        target["callers_note"] = f"asked for {VALUES[0]}"
        target["callers_number"] = 447700900142
        file = opened(json.dumps(changed))
        text, told, dropped = file.redacted(labels(file.read.transcript))
        assert left(told) == [], place
        assert "callers_note" not in text
        assert place or {"callers_note", "callers_number"} <= set(dropped)


@each_json
def test_every_string_in_turn_may_hold_a_name(path: Path) -> None:
    """A field whose content nobody expects is never let through: with a name in it, it is redacted or goes."""
    document = json.loads(path.read_text(encoding="utf-8"))

    def spots(value, place=()):
        if isinstance(value, str):
            yield place
        for key, item in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from spots(item, (*place, key))

    seen = set()
    for place in spots(document):
        kind = tuple(key for key in place if isinstance(key, str))
        if kind in seen:
            continue
        seen.add(kind)
        changed = copy.deepcopy(document)
        target = changed
        for key in place[:-1]:
            target = target[key]
        target[place[-1]] = f"{VALUES[0]} {VALUES[3]}"
        try:
            file = opened(json.dumps(changed))
            _, told, _ = file.redacted(labels(file.read.transcript))
        except RedactError:
            continue  # it isn't read at all
        assert left(told) == [], place


ODD = (
    None, True, -1, 10**30, "", [], {}, [[]], {"a": 1}, "-5", "PT", "99:99:99.9", "\x00", "\u05e9" * 50, [None],
    f"{VALUES[0]} {VALUES[3]}", [VALUES[0]], {VALUES[0]: VALUES[1]},
)  # fmt: skip


@each_json
def test_whatever_stands_in_a_field_is_a_clear_error_or_nothing_is_left(path: Path) -> None:
    chance = random.Random(path.name)
    document = json.loads(path.read_text(encoding="utf-8"))
    places = [place for place, _ in values(document) if place]
    for _ in range(60):
        changed = copy.deepcopy(document)
        *above, key = chance.choice(places)
        target = changed
        for part in above:
            target = target[part]
        target[key] = copy.deepcopy(chance.choice(ODD))
        try:
            file = opened(json.dumps(changed))
            _, told, dropped = file.redacted(labels(file.read.transcript))
        except RedactError as error:
            told, dropped = (error.message, error.hint), {}
        assert left([*told, *dropped]) == [], (*above, key)


def values(value, place=()):
    yield place, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from values(item, (*place, key))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b'{"results": ', "not valid JSON"),
        (b'{"a": 1}', "format isn't known"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": "\xe9"}', "not UTF-8"),
        (b'{"results": {"transcripts": [], "items": 3}}', "is not"),
        (b'{"results": {"transcripts": [], "items": [7]}}', "is not"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_next_step(content: bytes, says: str) -> None:
    with pytest.raises(InputRejected, match=says) as refused:
        opened(decoded(content))
    assert refused.value.hint


def test_an_unknown_format_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError) as refused:
        opened("{}", "amazon")
    assert "aws" in refused.value.hint


def test_utf_16_and_a_byte_order_mark_are_read() -> None:
    text = FILES[0].read_text(encoding="utf-8")
    for encoding in ("utf-16", "utf-8-sig"):
        assert opened(decoded(text.encode(encoding))).read.transcript == opened(text).read.transcript


def test_strings_are_all_strings_keys_and_numbers() -> None:
    assert list(strings({"a": [1, "b", None, True], "c": {"d": 2.5}})) == ["a", "1", "b", "c", "d", "2.5"]
