"""One world in which everything went well, and processes for those in which it doesn't."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import scenes
from canaries import coded_windows, windows
from scenes import Players, World


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.recordings(tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="session")
def new_world(tmp_path_factory: pytest.TempPathFactory, calls: Path) -> Callable[[], World]:
    endless = scenes.worlds(tmp_path_factory.mktemp("worlds"), calls)
    return lambda: next(endless)


@pytest.fixture(scope="session")
def players() -> Iterator[Players]:
    started = Players()
    yield started
    started.close()


@pytest.fixture(scope="session")
def redacted(new_world: Callable[[], World], calls: Path) -> World:
    """The folder of three, of which one can't be read; open files are copied on the way."""
    world = new_world()
    copies = dict.fromkeys(("transcribe", "listen_again", "publish"), "copy")
    return scenes.alone(world, world.scene("file", calls, "-o", "out", "--html", "--json", accidents=copies))


@pytest.fixture(scope="session")
def leaks(redacted: World) -> dict[str, set[str]]:
    return redacted.leaks()


@pytest.fixture(scope="session")
def reports(redacted: World) -> dict[str, dict]:
    """By container."""
    read = [json.loads(path.read_text()) for path in redacted.out.glob("*.report.json")]
    return {report["input"]["container"]: report for report in read}


@pytest.fixture(scope="session")
def personal(reports: dict[str, dict]) -> frozenset[bytes]:
    """Bytes by which the sound that is masked is known again, as samples and as it is coded."""
    coded = scenes.telephone()
    spans = [(i["start_ms"] * 8, i["end_ms"] * 8) for i in reports["wav"]["intervals"]]
    pieces = [coded_windows(coded, 2 * first, 2 * last) for first, last in spans]
    return windows(scenes.heard(coded), spans).union(*pieces)
