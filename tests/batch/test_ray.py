"""The same batch on a real Ray cluster of two nodes, with an actor and a node killed on the way."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from batch_world import ALL, PLENTY, STORE_KEYS, FakeMaker, World, torn

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

from redact.batch.archive import Archive  # noqa: E402
from redact.batch.ray_pool import RayPool  # noqa: E402
from redact.errors import ExitCode  # noqa: E402

pytestmark = pytest.mark.slow
HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def cluster(object_store):
    os.environ |= {"AWS_ENDPOINT_URL_S3": object_store, **STORE_KEYS}  # as an operator sets it on the nodes
    os.environ["PYTHONPATH"] = os.pathsep.join([HERE, *filter(None, [os.environ.get("PYTHONPATH")])])
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False, configure_logging=False)
    yield made
    ray.shutdown()
    made.shutdown()
    for name in ("AWS_ENDPOINT_URL_S3", *STORE_KEYS):
        del os.environ[name]


def run(world: World, count: int = 2, pause_s: float = 0.0, limits=PLENTY):
    events = []
    batch = world.batch(events.append)
    maker = FakeMaker(world.job(), world.log, pause_s)
    with RayPool(count, maker, limits) as pool:
        return batch.run(pool, ALL), events


def test_all_is_done_once_by_two_nodes(cluster, world):
    for number in range(20):
        world.add(f"{number}.wav", b"recording %d" % number)
    ended, _ = run(world)
    assert ended.states == {"done": 20}
    assert torn(world.dest) == []
    assert len(world.made()) == 20
    assert run(world)[0].run_id == ""


def test_workers_read_and_write_an_object_store_themselves(cluster, s3, tmp_path):
    world = World(tmp_path, source_url=f"{s3}/in", dest_url=f"{s3}/out")
    source, dest = Archive(world.source_url), Archive(world.dest_url)
    for number in range(6):
        (tmp_path / "content").write_bytes(b"recording %d" % number)
        source.put(tmp_path / "content", f"{number}.wav")
    ended, _ = run(world)
    assert ended.states == {"done": 6}
    assert len(list(dest.items())) == 6 * 4


def test_a_poisonous_file_is_set_apart(cluster, world):
    world.add("a.wav", b"crash")
    for number in range(4):
        world.add(f"{number}.wav", b"recording %d" % number)
    ended, _ = run(world)
    assert ended.states == {"done": 4, "quarantined": 1}


def test_what_stops_one_stops_all(cluster, world):
    world.add("a.wav", b"disk full")
    ended, _ = run(world)
    assert ended.error is not None
    assert ended.error.exit_code == ExitCode.CANNOT_WRITE
    assert world.states() == {"pending": 1}


def test_actors_are_killed_on_the_way(cluster, world):
    for number in range(30):
        world.add(f"{number}.wav", b"recording %d" % number)
    killed = []

    def kill() -> None:
        for _ in range(3):
            time.sleep(1.5)
            actors = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and _is_actor(one)]
            if actors:
                os.kill(actors[0], signal.SIGKILL)
                killed.append(actors[0])

    killer = threading.Thread(target=kill)
    killer.start()
    ended, _ = run(world, pause_s=0.4)
    killer.join()
    assert len(killed) == 3
    assert ended.states == {"done": 30}
    assert torn(world.dest) == []
    assert len(world.made()) <= 30 + len(killed)


def test_a_node_is_killed_on_the_way(cluster, world):
    node = cluster.add_node(num_cpus=1)
    for number in range(30):
        world.add(f"{number}.wav", b"recording %d" % number)
    threading.Timer(4, lambda: cluster.remove_node(node, allow_graceful=False)).start()
    ended, _ = run(world, count=3, pause_s=0.5)
    assert ended.states == {"done": 30}
    assert torn(world.dest) == []
    assert len(world.made()) <= 31


def _is_actor(process: Path) -> bool:
    try:
        return b"ray::_Actor" in (process / "cmdline").read_bytes()
    except OSError:
        return False
