"""What decisions say about the masks."""

from pathlib import Path

import pytest

from redact.evaluate import read_gold
from redact.governance.figures import Share, figures
from redact.review.desk import Call
from redact.review.labels import gold
from redact.stores.reviews import Decision


def call(name, **replacements):
    return Call(
        name, name, Path(), "done", "0" * 64, "en", 60_000, 4000, replacements, {}, ("agent", "customer"),
        ({"start_ms": 1000, "end_ms": 2000, "channels": [0, 1], "entity_types": ["PERSON", "DOUBT"]},), {".wav": "0"},
        "2026-03-01T09:00:00+00:00", "consent", "0" * 64, "0" * 64,
    )  # fmt: skip


def decided(name, kind, *edits, at="2026-03-01T09:30:00+00:00", by="rita"):
    return Decision(name, at, by, kind, "", tuple(edits))


def edit(entity_type, was=None):
    return {"start_ms": 0, "end_ms": 1, "entity_type": entity_type, "was": was}


def test_masks_are_right_wrong_or_missed():
    calls = [call("a", PERSON=4, PHONE_NUMBER=1), call("b", PERSON=2), call("c", PERSON=9)]
    told = figures(
        calls,
        [
            decided("a", "claim", at="2026-03-01T09:28:00+00:00"),
            decided("a", "render", edit(None, "PERSON"), edit("PHONE_NUMBER"), edit("AGE", "PERSON")),
            decided("a", "approve"),
            decided("b", "approve", by="lea"),
            decided("c", "return"),
        ],
    )
    assert told.calls == 2
    by_type = {t.entity_type: (t.right, t.wrong, t.missed) for t in told.types}
    assert by_type == {"PERSON": (6, 1, 0), "PHONE_NUMBER": (0, 0, 1)}
    assert told.seconds == 120
    assert told.by_name == {"rita": 2, "lea": 1}


def test_a_second_reviewer_agrees_or_does_not():
    told = figures(
        [],
        [
            decided("a", "approve"), decided("a", "approve", by="lea"),
            decided("b", "approve"), decided("b", "render", edit("AGE"), by="lea"), decided("b", "approve", by="lea"),
            decided("c", "approve"), decided("c", "return", by="lea"),
            decided("d", "return"), decided("d", "approve"),
        ],
    )  # fmt: skip
    assert told.agreed.share == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("right", "total", "least", "most"), [(9, 10, 0.596, 0.982), (0, 5, 0.0, 0.434), (50, 50, 0.929, 1.0)]
)
def test_a_share_has_its_interval(right, total, least, most):
    """Figures of the Wilson interval as R's binom package gives them."""
    told = Share.of(right, total)
    assert (told.least, told.most) == (pytest.approx(least, abs=0.001), pytest.approx(most, abs=0.001))
    assert Share.of(0, 0) is None


def test_an_approved_call_becomes_labels_that_evaluate_reads(tmp_path):
    import json

    told = gold(call("a", PERSON=1))
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "a.gold.json").write_text(json.dumps(told))
    read = read_gold(tmp_path / "a.gold.json")
    assert [(item.entity_type, item.start_ms, item.end_ms) for item in read.items] == [("PERSON", 1000, 2000)]
