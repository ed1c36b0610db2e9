"""`redact evaluate`: real recordings and real decoding; the redactor is a made one, good or misbehaving."""

import json
import subprocess
import sys
import time
import types
import wave
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from redact.cli.evaluate import evaluate
from redact.errors import CannotWrite, HeldForReview, InputRejected, ModelMissing, VerificationFailed

RATE_HZ = 16000  # not the rate that is scored at
NAME = "Maud Ferris"


@dataclass(frozen=True)
class MadeResult:
    outputs: tuple[Path, ...]
    report: dict = field(default_factory=lambda: {"timings_s": {"load_models": 0.0, "decode": 0.01}})


class Pipeline(types.ModuleType):
    """Stands where the pipeline is, for the length of a test: silences 1 to 2 s of each call, or does as told."""

    def __init__(self, does=None):
        super().__init__("redact.pipeline")
        self.made = made = []

        class Redactor:
            def __init__(self, options):
                made.append(options)

            def redact_file(self, path, out_dir):
                return (does or silences)(path, out_dir)

        self.Redactor = Redactor


def silences(path, out_dir):
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").copy()
    pcm[RATE_HZ : 2 * RATE_HZ] = 0
    outputs = tuple(out_dir / f"{path.stem}.{kind}" for kind in ("redacted.vtt", "report.json", "redacted.txt"))
    for output in outputs:
        output.write_text(f"Agent: thank you, {NAME}")
    write_wav(out_dir / f"{path.stem}.redacted.wav", pcm)
    return MadeResult((*outputs, out_dir / f"{path.stem}.redacted.wav"))


def raises(error):
    def redact_file(path, out_dir):
        raise error("it did not go well", hint="look again")

    return redact_file


def write_wav(path, pcm):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(pcm.astype("<i2").tobytes())


@pytest.fixture
def calls(tmp_path):
    """Two mono calls of six seconds, speech from 1 to 5 s; a name from 1 to 2 s, an age from 3 to 4 s."""
    folder = tmp_path / "calls"
    folder.mkdir()
    t = np.arange(4 * RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 2 * t)) / RATE_HZ
    voice = sum(np.cos(k * phase + k * k) for k in range(1, 25))
    pcm = np.random.default_rng(1).normal(0, 3, 6 * RATE_HZ)
    pcm[RATE_HZ : 5 * RATE_HZ] += 800 * voice
    for name, language in (("en-one", "en"), ("fr-un", "fr")):
        write_wav(folder / f"{name}.wav", pcm)
        pii = [
            {"type": "PERSON", "text": NAME, "value": NAME, "channel": 0, "start": 1, "end": 2},
            {"type": "AGE", "text": "forty-two", "value": "42", "channel": 0, "start": 3, "end": 4},
        ]
        gold = {"audio": f"{name}.wav", "language": language, "duration": 6, "pii": pii}
        (folder / f"{name}.gold.json").write_text(json.dumps(gold))
    return folder


@pytest.fixture
def run(calls, monkeypatch):
    def invoke(*args, pipeline=None):
        monkeypatch.setitem(sys.modules, "redact.pipeline", pipeline or Pipeline())
        return CliRunner().invoke(evaluate, [str(calls), *args])

    return invoke


def rows(output):
    return [line.split() for line in output.splitlines() if line.strip()]


def test_tables(run):
    result = run()
    assert result.exit_code == 0, result.output
    table = rows(result.stdout)
    call = next(row for row in table if row[0] == "en-one")
    assert call[1:3] == ["2", "50.0%"]
    assert call[5] == "0.0%"
    assert call[7:10] == ["0", "0", "1"]  # held, failed, in text
    everything = next(row for row in table if row[:3] == ["all:", "2", "calls"])
    assert everything[3:5] == ["4", "50.0%"]
    assert 1960 <= int(everything[6]) <= 2060
    assert ["fr", "PERSON", "1", "1"] in [row[:4] for row in table]
    age = next(row for row in table if row[:2] == ["all", "AGE"])
    assert age[2:] == ["2", "0", "2000", "2000"]
    assert "without loading the models" in result.stdout


def test_progress_is_on_stderr_alone(run):
    result = run("--json")
    assert "[1/2] en-one (en, 6 s)" in result.stderr
    assert json.loads(result.stdout)["totals"]["all"]["items"] == 4


def test_misses_show_type_and_time_but_no_value(run):
    assert "not masked in" not in run().stdout
    result = run("--misses")
    missed = [row for row in rows(result.stdout.split("not masked in")[1]) if row[0] == "fr-un"]
    assert missed == [["fr-un", "AGE", "0", "3.00", "4.00", "100.0%"], ["fr-un", "PERSON", "text", "-", "-", "-"]]
    assert "Ferris" not in result.output


def test_a_call_without_personal_data_has_no_empty_tables(run, calls):
    gold = json.loads((calls / "en-one.gold.json").read_text())
    (calls / "en-one.gold.json").write_text(json.dumps(gold | {"pii": []}))
    result = run("--only", "en", "--misses")
    assert result.exit_code == 0
    assert next(row for row in rows(result.stdout) if row[0] == "en-one")[1:5] == ["0", "-", "-", "0"]
    assert "by type" not in result.stdout
    assert "not masked in" not in result.stdout


@pytest.mark.parametrize(
    ("error", "held", "failed"),
    [(HeldForReview, 1, 0), (VerificationFailed, 0, 1), (InputRejected, 0, 1)],
)
def test_a_call_that_is_not_published_is_counted_told_and_makes_the_exit_code_1(run, error, held, failed):
    result = run("--only", "en", "--json", pipeline=Pipeline(raises(error)))
    assert result.exit_code == 1
    totals = json.loads(result.stdout)["totals"]["all"]
    assert (totals["calls"], totals["held"], totals["failed"], totals["leaked_share"]) == (1, held, failed, 1)
    assert "it did not go well" in result.stderr


@pytest.mark.parametrize("error", [ModelMissing, CannotWrite])
def test_what_would_fail_for_every_call_stops_at_the_first(run, error):
    result = run(pipeline=Pipeline(raises(error)))
    assert isinstance(result.exception, error)
    assert result.stdout == ""


def test_a_pipeline_without_audio_has_leaked_whole(run):
    result = run("--json", pipeline=Pipeline(lambda *_: MadeResult(())))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["totals"]["all"]["leaked_share"] == 1


@pytest.mark.parametrize(
    ("args", "languages"), [((), ["en", "fr"]), (("--language", "auto"), ["auto"]), (("--language", "fr"), ["fr"])]
)
def test_models_are_loaded_once_a_language_and_options_are_passed_on(run, args, languages):
    pipeline = Pipeline()
    run("--policy", "pci", "--model", "tiny.en", *args, pipeline=pipeline)
    made = [(options.policy, options.model, options.language) for options in pipeline.made]
    assert made == [("pci", "tiny.en", language) for language in languages]


def test_loading_models_is_not_in_the_speed(run):
    def loads_first(path, out_dir):
        time.sleep(1)
        return replace(silences(path, out_dir), report={"timings_s": {"load_models": 1.0}})

    result = run("--json", "--only", "en", pipeline=Pipeline(loads_first))
    assert 0 < json.loads(result.stdout)["totals"]["all"]["wall_s"] < 0.9


def test_wrong_labels_are_told_before_a_model_is_loaded(run, calls):
    (calls / "zz.gold.json").write_text("{}")
    pipeline = Pipeline()
    assert isinstance(run(pipeline=pipeline).exception, InputRejected)
    assert pipeline.made == []


def test_names_with_control_characters_do_nothing_to_the_terminal(run, calls):
    gold = json.loads((calls / "en-one.gold.json").read_text())
    (calls / "en-[red]\x1b[2J.gold.json").write_text(json.dumps(gold))
    result = run("--only", "en-[")
    assert "\x1b" not in result.output
    assert "en-[red]?[2J" in result.stdout
    assert "en-[red]?[2J" in result.stderr


def test_a_folder_that_is_not_there_is_wrong_usage():
    assert CliRunner().invoke(evaluate, ["nowhere"]).exit_code == 2


def test_the_command_loads_nothing_heavy():
    code = "import redact.cli.evaluate, sys; print(sorted({'numpy', 'rich', 'av', 'redact.score'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
