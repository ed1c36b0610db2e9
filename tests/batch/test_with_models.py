"""The batch with its real workers: killed on the way, and looked through for what was said."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from batch_world import World
from kill_loop import kill_until_done, wrong

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "speed"))

from made import long_call

from redact.batch.work import Job, Worker, usable_models
from redact.options import Options

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.models]
KILLS = 5


@dataclass(frozen=True)
class Logging:
    """Real workers that also note what they begin."""

    job: Job
    log: Path

    def worker(self):
        worker = self.job.worker()
        redact = worker._redactor.redact_file

        def noted(path, folder, **how):
            with self.log.open("a") as log:
                log.write("x\n")
            return redact(path, folder, **how)

        worker._redactor.redact_file = noted
        assert isinstance(worker, Worker)
        return worker


def test_five_kills_of_real_workers(world: World):
    for number in range(5):
        long_call(ROOT / "samples" / "en-card-payment.wav", 12 + number, world.source / f"{number}.wav")
    models, world.engine = usable_models("tiny.en")
    options = Options(policy=world.policy, model="tiny.en", language="en", threads=1)
    maker = Logging(replace(world.job(), options=options, models=models), world.log)
    count = kill_until_done(world, seed=3, kills=KILLS, maker=maker, most_s=5)
    assert wrong(world, count) == []
    assert count.parents + count.workers == KILLS
    for report in world.dest.glob("??/*.report.json"):
        told = json.loads(report.read_text())
        assert told["status"] == "done"
        assert told["models"].items() <= models.items()
