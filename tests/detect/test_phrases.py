"""Each phrase of the languages' data files, in a dialogue: what it asks for is found, and what is nobody's is not.

The dialogues are rows of `phrases/*.tsv`: the type that is found, the turns ("A:" the agent, "C:" the customer) with
bars between them, and what is masked wherever it is said, with bars between several. Rows of the type `nothing` hold
nobody's data. All of it is invented. Before a single turn somebody says hello: one turn alone would be a document.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from test_dialogue import call_of, views_of

from redact import policy
from redact.detect import names, replies, requests
from redact.detect.detector import in_dialogue
from redact.detect.spoken.base import load, plain

GREETINGS = {"en": "A: Hello?", "fr": "A: Allô ?"}
CODES = tuple(GREETINGS)
NOTHING = "nothing"
DEFAULT = policy.load("default")


@dataclass(frozen=True)
class Row:
    code: str
    entity_type: str
    lines: tuple[str, ...]
    masked: tuple[str, ...]

    @property
    def text(self):
        """The turns as requests see them, a line each."""
        return "\n".join(line[3:] for line in self.lines)


@cache
def rows(code):
    made = []
    for line in (Path(__file__).parent / "phrases" / f"{code}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("#"):
            entity_type, dialogue, masked, *_ = [*line.split("\t"), ""]
            lines = dialogue.split(" | ")
            greeted = lines if len(lines) > 1 else [GREETINGS[code], *lines]
            made.append(Row(code, entity_type, tuple(greeted), tuple(filter(None, masked.split(" | ")))))
    return tuple(made)


@cache
def heard_in(row):
    heard, _ = views_of(call_of(row.code, *row.lines))
    return heard


def places(row):
    """For each part of what is masked, the indices of its words, everywhere it is said."""
    said = heard_in(row).said
    for part in row.masked:
        words = [plain(word) for word in part.split()]
        starts = [at for at in range(len(said)) if list(said[at : at + len(words)]) == words]
        assert starts, f"{part!r} is not in the dialogue"
        yield {index for at in starts for index in range(at, at + len(words)) if said[index]}


def wanted(row, language=None):
    heard, views = views_of(call_of(row.code, *row.lines))
    heard = replace(heard, language=language) if language else heard
    return [f for f in in_dialogue(heard, views) if DEFAULT.wants(f.entity_type, f.score)]


def covered(findings, entity_type):
    return {index for finding in findings if finding.entity_type == entity_type for index in finding.words}


def finds_one(row, findings):
    """True where findings cover a part of what the row masks, at one of its places at least."""
    found = covered(findings, row.entity_type)
    return any(found & place for place in places(row))


def every(kind):
    return [
        pytest.param(row, id=f"{row.code} {row.entity_type} {row.text}"[:100])
        for code in CODES
        for row in rows(code)
        if (row.entity_type == NOTHING) is (kind == NOTHING)
    ]


@pytest.mark.parametrize("row", every("masked"))
def test_what_is_asked_for_is_found(row):
    found = covered(wanted(row), row.entity_type)
    said = heard_in(row).said
    missed = [said[index] for place in places(row) for index in sorted(place - found)]
    assert row.masked
    assert not missed


@pytest.mark.parametrize("row", every(NOTHING))
def test_what_is_nobodys_is_not_found(row):
    said = heard_in(row).said
    assert [(f.entity_type, f.recognizer, [said[i] for i in f.words]) for f in wanted(row)] == []


@pytest.mark.parametrize(
    ("code", "request_"),
    [
        pytest.param(code, r, id=f"{code} {r.entity_type} {r.pattern.pattern}")
        for code in CODES
        for r in load(code).requests
    ],
)
def test_each_request_finds_the_answer_of_a_row_by_itself(code, request_):
    alone = replace(load(code), requests=(request_,), any_request=request_.pattern)
    asking = [
        row for row in rows(code) if row.entity_type == request_.entity_type and request_.pattern.search(row.text)
    ]

    def answered(row):
        heard = replace(heard_in(row), language=alone)
        return finds_one(row, replies.replies(heard, requests.slots(heard)))

    missing = f"phrases/{code}.tsv has no row of {request_.entity_type} for {request_.pattern.pattern}"
    assert any(map(answered, asking)), missing


@pytest.mark.parametrize(
    ("code", "pattern"),
    [pytest.param(code, p, id=f"{code} {p.pattern}") for code in CODES for p in load(code).read_backs],
)
def test_each_read_back_finds_what_is_said_again_in_a_row_by_itself(code, pattern):
    alone = replace(load(code), read_backs=(pattern,))
    said_again = [row for row in rows(code) if row.entity_type != NOTHING and pattern.search(row.text)]

    def found_again(row):
        heard = replace(heard_in(row), language=alone)
        given = list(replies.replies(heard, requests.slots(heard)))
        return finds_one(row, replies.read_again(heard, requests.read_backs(heard), given))

    assert any(map(found_again, said_again)), f"phrases/{code}.tsv has no row for the read-back {pattern.pattern}"


@pytest.mark.parametrize(
    ("code", "pattern"),
    [pytest.param(code, p, id=f"{code} {p.pattern}") for code in CODES for p in load(code).plain_requests],
)
def test_each_plain_request_keeps_a_number_of_a_row_by_itself(code, pattern):
    language = load(code)
    asking = [row for row in rows(code) if row.entity_type == NOTHING and pattern.search(row.text)]

    def kept(row):
        spared = not wanted(row, replace(language, plain_requests=(pattern,)))
        return spared and wanted(row, replace(language, plain_requests=()))

    missing = f"phrases/{code}.tsv has no row of what is nobody's for the question {pattern.pattern}"
    assert any(map(kept, asking)), missing


def cues():
    for code in CODES:
        all_cues = load(code).names
        for kind in ("before", "maybe_before", "after"):
            yield from ((code, kind, (cue,), cue) for cue in getattr(all_cues, kind))
        for kind in ("relatives", "titles"):
            yield from ((code, kind, frozenset({cue}), (cue,)) for cue in sorted(getattr(all_cues, kind)))


@pytest.mark.parametrize(
    ("code", "kind", "only", "words"),
    [pytest.param(*cue, id=f"{cue[0]} {cue[1]} {' '.join(cue[3])}") for cue in cues()],
)
def test_each_cue_finds_the_name_of_a_row_by_itself(code, kind, only, words):
    language = load(code)
    none = {"before": (), "maybe_before": (), "after": (), "relatives": frozenset(), "titles": frozenset()}
    alone = replace(language, names=replace(language.names, **{**none, kind: only}))

    def named(row):
        heard = heard_in(row)
        stands = any(heard.said[at : at + len(words)] == words for at in range(len(heard.said)))
        return stands and finds_one(row, names.names(replace(heard, language=alone)))

    missing = f"phrases/{code}.tsv has no row of PERSON for the cue {' '.join(words)!r} among names.{kind}"
    assert any(named(row) for row in rows(code) if row.entity_type == "PERSON"), missing
