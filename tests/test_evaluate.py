"""The run over a folder: labels, outcomes, totals. Real WAV files, no models."""

import json
import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from redact.errors import InputRejected, ModelMissing
from redact.evaluate import (
    ALL,
    GOLD_LABELS,
    Outcome,
    as_json,
    by_language,
    evaluate,
    read_gold,
    read_golds,
    total,
    total_by_type,
)
from redact.policy import ENTITY_TYPES
from redact.score import RATE_HZ

NAME, CARD = "Maud Ferris", "4539148803436467"


def voice(seconds, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 2 * t)) / RATE_HZ
    return 0.04 * sum(np.cos(k * phase + rng.uniform(0, 6)) for k in range(1, 25)) / 3


def write_wav(path, sound):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(sound))
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(np.clip(sound.T * 32768, -32768, 32767).astype("<i2").tobytes())


def hear(path):
    try:
        with wave.open(str(path)) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels()).T
    except (wave.Error, EOFError):
        raise InputRejected("not a recording", hint="none") from None
    return pcm.astype(np.float32) / 32768


def add_call(folder, name, language="en", seed=1, **changes):
    """Eight seconds, speech on channel 1 from 1 to 6 s: a name from 1 to 2 s, a card number from 3 to 4.5 s."""
    sound = 1e-4 * np.random.default_rng(seed).standard_normal((2, 8 * RATE_HZ))
    sound[1, RATE_HZ : 6 * RATE_HZ] += voice(5, seed)
    write_wav(folder / f"{name}.wav", sound)
    pii = [
        {"type": "PERSON", "text": "Maud Ferris", "value": NAME, "channel": 1, "start": 1, "end": 2.0},
        {"type": "CREDIT_CARD", "text": "four five three", "value": CARD, "channel": 1, "start": 3.0, "end": 4.5},
    ]
    gold = {"audio": f"{name}.wav", "language": language, "duration": 8.0, "pii": pii} | changes
    path = folder / f"{name}.gold.json"
    path.write_text(json.dumps(gold), encoding="utf-8")
    return path


def masking(*spans_s, text=None):
    """A redactor that silences the given seconds and takes two seconds for it."""

    def redact_one(audio, language, out_dir):
        sound = hear(audio)
        for start, end in spans_s:
            sound[:, int(start * RATE_HZ) : int(end * RATE_HZ)] = 0
        write_wav(out_dir / "out.wav", sound)
        return Outcome(out_dir / "out.wav", text, 2.0)

    return redact_one


def test_good_redactor_leaks_nothing(tmp_path):
    add_call(tmp_path, "one")
    (call,) = evaluate(tmp_path, masking((1, 2), (3, 4.5), text="[PERSON] [CREDIT_CARD]"), hear)
    totals = total([call])
    assert (call.name, call.language, call.error, call.held, call.failed) == ("one", "en", None, False, False)
    assert (totals.items, totals.fully_masked, totals.fully_share, totals.voiced_ms) == (2, 2, 1, 2500)
    assert totals.leaked_share == pytest.approx(0, abs=0.02)
    assert totals.over_share == 0
    assert totals.masked_ratio == pytest.approx(1, abs=0.05)
    assert totals.real_time_factor == pytest.approx(4)
    assert totals.text_leaks == 0


def test_figures_by_language_and_type(tmp_path):
    add_call(tmp_path, "a-call", "en", seed=1)
    add_call(tmp_path, "b-appel", "fr", seed=2)
    add_call(tmp_path, "c-call", "en", seed=3)
    calls = evaluate(tmp_path, masking((0.8, 2.2), text=f"my card {CARD}"), hear)
    assert [call.name for call in calls] == ["a-call", "b-appel", "c-call"]
    groups = by_language(calls)
    assert list(groups) == ["en", "fr", ALL]
    english, everything = total(groups["en"]), total(groups[ALL])
    assert (english.calls, english.items, english.fully_masked) == (2, 4, 2)
    assert (everything.calls, everything.items, everything.fully_masked, everything.text_leaks) == (3, 6, 3, 3)
    assert everything.duration_s == pytest.approx(24)
    assert everything.leaked_ms == pytest.approx(4500, abs=60)
    types = total_by_type(groups["en"])
    assert list(types) == ["CREDIT_CARD", "PERSON"]
    assert (types["PERSON"].items, types["PERSON"].fully_masked, types["PERSON"].voiced_ms) == (2, 2, 2000)
    assert (types["CREDIT_CARD"].fully_masked, types["CREDIT_CARD"].leaked_ms) == (0, 3000)


def test_call_without_personal_data_has_no_shares_of_it(tmp_path):
    add_call(tmp_path, "control", pii=[])
    totals = total(evaluate(tmp_path, masking((2, 3)), hear))
    assert (totals.fully_share, totals.leaked_share, totals.masked_ratio) == (None, None, None)
    assert totals.over_share == pytest.approx(0.2, abs=0.02)


def published(content):
    def redact_one(audio, language, out_dir):
        (out_dir / "out.wav").write_bytes(content)
        return Outcome(out_dir / "out.wav", None, 1.0)

    return redact_one


def one_channel(audio, language, out_dir):
    write_wav(out_dir / "out.wav", hear(audio)[:1] * 0)
    return Outcome(out_dir / "out.wav", None, 1.0)


@pytest.mark.parametrize(
    ("redact_one", "held", "error"),
    [
        (
            lambda *_: Outcome(None, None, 1.0, held=True, error="a person has to decide"),
            True,
            "a person has to decide",
        ),
        (lambda *_: Outcome(None, None, 1.0, error="a check failed"), False, "a check failed"),
        (lambda *_: Outcome(None, "[PERSON]", 1.0), False, "no redacted recording"),
        (published(b""), False, "the redacted recording can't be decoded: not a recording"),
        (published(b"RIFF, but no more than that"), False, "the redacted recording can't be decoded: not a recording"),
        (one_channel, False, "the redacted recording has 1 channels instead of 2"),
    ],
    ids=["held", "failed", "text only", "empty", "damaged", "channel lost"],
)
def test_call_without_usable_output_has_leaked_whole(tmp_path, redact_one, held, error):
    add_call(tmp_path, "one")
    told = []
    (call,) = evaluate(tmp_path, redact_one, hear, progress=told.append)
    totals = total([call])
    assert call.error == error
    assert (totals.held, totals.failed) == (int(held), int(not held))
    assert (totals.leaked_share, totals.fully_masked, totals.touched, totals.masked_ms) == (1, 0, 0, 0)
    assert any(error in line for line in told)


def test_a_failed_call_does_not_stop_the_others(tmp_path):
    add_call(tmp_path, "a")
    add_call(tmp_path, "b")
    good = masking((1, 2), (3, 4.5))

    def redact_one(audio, language, out_dir):
        return Outcome(None, None, 0.5, error="no") if audio.stem == "a" else good(audio, language, out_dir)

    assert [call.failed for call in evaluate(tmp_path, redact_one, hear)] == [True, False]


def test_outputs_live_in_a_private_folder_of_their_own_and_go_with_it(tmp_path):
    add_call(tmp_path, "a", "en")
    add_call(tmp_path, "b", "fr")
    before = sorted(tmp_path.iterdir())
    seen = []

    def redact_one(audio, language, out_dir):
        seen.append((audio.name, language, out_dir, stat.S_IMODE(out_dir.stat().st_mode), list(out_dir.iterdir())))
        return masking()(audio, language, out_dir)

    evaluate(tmp_path, redact_one, hear)
    assert [entry[:2] for entry in seen] == [("a.wav", "en"), ("b.wav", "fr")]
    assert [entry[3:] for entry in seen] == [(0o700, []), (0o700, [])]
    assert seen[0][2] != seen[1][2]
    assert not any(entry[2].exists() for entry in seen)
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_that_concerns_every_call_stops_the_run_and_leaves_nothing(tmp_path):
    add_call(tmp_path, "a")
    folders = []

    def redact_one(audio, language, out_dir):
        folders.append(out_dir)
        raise ModelMissing("no model", hint="get one")

    with pytest.raises(ModelMissing):
        evaluate(tmp_path, redact_one, hear)
    assert len(folders) == 1
    assert not folders[0].exists()


def test_only_takes_names_that_begin_so(tmp_path):
    for name in ("en-a", "en-b", "fr-a", "[x]"):
        add_call(tmp_path, name)
    assert [gold.name for gold in read_golds(tmp_path, "en-")] == ["en-a", "en-b"]
    assert [gold.name for gold in read_golds(tmp_path, "[")] == ["[x]"]
    assert len(read_golds(tmp_path)) == 4
    with pytest.raises(InputRejected, match="begins with 'de-'"):
        read_golds(tmp_path, "de-")


def test_all_labels_are_read_before_any_call_is_redacted(tmp_path):
    add_call(tmp_path, "a")
    add_call(tmp_path, "z", pii="none")

    def never(*_):
        raise AssertionError("redacted a call")

    with pytest.raises(InputRejected, match=r"z\.gold\.json"):
        evaluate(tmp_path, never, hear)


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_folder_without_labelled_calls(tmp_path, folder):
    with pytest.raises(InputRejected, match="no labelled call"):
        evaluate(tmp_path / folder, masking(), hear)


def test_json_holds_every_figure_and_no_value(tmp_path):
    add_call(tmp_path, "a")
    add_call(tmp_path, "b", "fr")
    results = evaluate(tmp_path, masking((1, 2), text=f"{NAME} {CARD}"), hear)
    printed = json.dumps(as_json(results), allow_nan=False)
    for told in (printed, repr(results), repr(read_golds(tmp_path))):
        assert "Ferris" not in told
        assert CARD not in told
    figures = json.loads(printed)
    assert figures["totals"].keys() == {"en", "fr", "all"}
    assert figures["totals"]["en"]["calls"] == 1
    assert figures["totals"]["all"]["by_type"]["PERSON"] == {
        "items": 2,
        "fully_masked": 2,
        "voiced_ms": 2000,
        "leaked_ms": total_by_type(results)["PERSON"].leaked_ms,
    }
    first = figures["calls"][0]
    assert (first["name"], first["held"], first["error"], first["items"]) == ("a", False, None, 2)
    assert first["text_leaked_types"] == ["PERSON", "CREDIT_CARD"]
    assert [item["entity_type"] for item in first["scored_items"]] == ["PERSON", "CREDIT_CARD"]
    assert 0.5 < first["leaked_share"] < 0.7


@pytest.mark.parametrize(
    ("label", "entity_type"), [*GOLD_LABELS.items(), *((name, name) for name in (*ENTITY_TYPES, "NATIONAL_ID"))]
)
def test_labels_become_entity_types(tmp_path, label, entity_type):
    item = {"type": label, "text": "x", "channel": 0, "start": 1, "end": 2}
    assert read_gold(add_call(tmp_path, "a", pii=[item])).items[0].entity_type == entity_type


def test_labels_lead_to_types_that_policies_know():
    unknown = set(GOLD_LABELS.values()) - set(ENTITY_TYPES)
    assert unknown <= {"NATIONAL_ID"}  # the label names no country, the types do


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(2.01, 4.02, (2010, 4020)), (3.4015, 3.915625, (3401, 3916)), (0, 0.001, (0, 1)), (1.0000001, 2, (1000, 2000))],
)
def test_times_are_rounded_outward_to_milliseconds(tmp_path, start, end, expected):
    item = {"type": "AGE", "text": "x", "channel": 0, "start": start, "end": end}
    (read,) = read_gold(add_call(tmp_path, "a", pii=[item])).items
    assert (read.start_ms, read.end_ms) == expected


@pytest.mark.parametrize(("value", "expected"), [("42", "42"), ("", "forty-two"), (None, "forty-two")])
def test_what_is_said_stands_in_for_a_missing_value(tmp_path, value, expected):
    item = {"type": "AGE", "text": "forty-two", "value": value, "channel": 0, "start": 1, "end": 2}
    assert read_gold(add_call(tmp_path, "a", pii=[item])).items[0].value == expected


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"audio": "gone.wav"}, '"audio" names no file beside it'),
        ({"audio": "../a.wav"}, '"audio" names no file beside it'),
        ({"audio": "/etc/passwd"}, '"audio" names no file beside it'),
        ({"audio": ""}, '"audio" is not a text'),
        ({"language": None}, '"language" is not a text'),
        ({"duration": "6"}, '"duration" is not a time in seconds'),
        ({"duration": True}, '"duration" is not a time in seconds'),
        ({"duration": float("nan")}, '"duration" is not a time in seconds'),
        ({"pii": None}, 'list "pii"'),
        ({"pii": {}}, 'list "pii"'),
    ],
)
def test_wrong_gold_is_refused(tmp_path, changes, complaint):
    path = add_call(tmp_path, "a", **changes)
    with pytest.raises(InputRejected) as caught:
        read_gold(path)
    assert str(path) in caught.value.message
    assert complaint in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"type": "SHOE_SIZE"}, "unknown label 'SHOE_SIZE'"),
        ({"type": "person"}, "unknown label 'person'"),
        ({"type": 3}, '"type" is not a text'),
        ({"channel": -1}, '"channel" is not a whole number'),
        ({"channel": "1"}, '"channel" is not a whole number'),
        ({"channel": True}, '"channel" is not a whole number'),
        ({"start": -0.1}, '"start" is not a time'),
        ({"start": None}, '"start" is not a time'),
        ({"end": float("inf")}, '"end" is not a time'),
        ({"end": 1.0}, '"end" is not after "start"'),
        ({"value": 4539148803436467}, '"value" is not a text'),
        ({"value": None, "text": None}, '"text" is not a text'),
    ],
)
def test_wrong_item_is_refused_without_showing_its_value(tmp_path, changes, complaint):
    good = {"type": "AGE", "text": "x", "channel": 0, "start": 1, "end": 2}
    bad = {"type": "CREDIT_CARD", "text": "Ferris", "value": CARD, "channel": 1, "start": 1, "end": 2} | changes
    path = add_call(tmp_path, "a", pii=[good, bad])
    with pytest.raises(InputRejected) as caught:
        read_gold(path)
    assert f"{path}, item 2: {complaint}" in caught.value.message
    for told in (caught.value.message, caught.value.hint):
        assert CARD not in told
        assert "Ferris" not in told


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"value": "Maud Ferris"', b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"pii": [3]}'],
    ids=["empty", "open", "cut", "no UTF-8", "list", "null", "deep", "no audio"],
)
def test_files_that_are_no_gold(tmp_path, content):
    path = tmp_path / "a.gold.json"
    path.write_bytes(content)
    with pytest.raises(InputRejected) as caught:
        read_gold(path)
    assert str(path) in caught.value.message
    assert "Ferris" not in caught.value.message
    assert caught.value.__context__ is None or caught.value.__suppress_context__  # no traceback shows the file's text


def test_unreadable_gold(tmp_path):
    (tmp_path / "a.gold.json").mkdir()
    with pytest.raises(InputRejected, match="can't be read"):
        read_gold(tmp_path / "a.gold.json")


def test_paths_of_calls_do_not_show_in_a_repr(tmp_path):
    assert str(tmp_path) not in repr(read_gold(add_call(tmp_path, "a")))
    assert "secret words" not in repr(Outcome(Path("x"), "secret words", 1.0))
