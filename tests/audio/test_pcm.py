"""Decoded samples: read as they were written, kept in clear nowhere, and never half."""

import os
import resource
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import pcm_of

from redact.audio import pcm
from redact.audio.pcm import Pcm, blocks
from redact.errors import CannotWrite


@pytest.fixture
def on_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(pcm, "IN_MEMORY_BYTES", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def noise(channels, samples, dtype, seed=0):
    draw = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return draw.uniform(-1, 1, (channels, samples)).astype(dtype)
    return draw.integers(-(2**15), 2**15, (channels, samples)).astype(dtype)


@settings(deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 300),
    st.sampled_from([np.int16, np.int32, np.float32]),
    st.lists(st.integers(0, 6000), max_size=5),
    st.lists(st.tuples(st.integers(-5, 310), st.integers(-5, 310)), min_size=1, max_size=10),
    st.sampled_from([1, 100, 1 << 20]),
)
def test_reads_give_what_was_written(channels, samples, dtype, cuts, reads, in_memory):
    sound = noise(channels, samples, dtype)
    data = sound.T.tobytes()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = (data[first:last] for first, last in pairwise(edges))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pcm, "IN_MEMORY_BYTES", in_memory)
        spool = Pcm(pieces, channels, 8000, dtype)
    with spool:
        assert (spool.channels, spool.samples, spool.dtype) == (channels, samples, dtype)
        for first, last in reads:
            read = spool.read(first, last)
            assert read.dtype == dtype
            assert np.array_equal(read, sound[:, max(first, 0) : max(last, 0)])
        assert np.array_equal(spool.read(), sound)


def test_blocks_are_the_whole(monkeypatch):
    sound = noise(2, 1000, np.int16)
    monkeypatch.setattr(pcm, "BLOCK_SAMPLES", 300)
    read = list(blocks(pcm_of(sound, 8000)))
    assert [first for first, _ in read] == [0, 300, 600, 900]
    assert np.array_equal(np.concatenate([block for _, block in read], axis=1), sound)


def test_samples_can_not_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        pcm_of(noise(2, 10, np.int16), 8000).read()[0, 0] = 1


def test_threads_may_share_it(on_disk):
    sound = noise(2, 50_000, np.int16)
    with pcm_of(sound, 8000) as spool, ThreadPoolExecutor(8) as pool:
        for at, read in enumerate(pool.map(lambda at: spool.read(at * 100, at * 100 + 700), range(490))):
            assert np.array_equal(read, sound[:, at * 100 : at * 100 + 700])


@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_nothing_of_the_samples_is_in_the_spool(in_memory, monkeypatch, on_disk):
    monkeypatch.setattr(pcm, "IN_MEMORY_BYTES", in_memory)
    sound = np.tile(np.arange(-2000, 2000, dtype=np.int16), (2, 10))
    data = sound.T.tobytes()
    with pcm_of(sound, 8000) as spool, pcm_of(sound, 8000) as again:
        assert list(on_disk.iterdir()) == []  # it has no name
        spool._file.seek(0)
        sealed = spool._file.read()
        again._file.seek(0)
        assert len(sealed) == len(data)
        assert all(data[at : at + 8] not in sealed for at in range(0, len(data), 8))
        assert sealed[:16] != again._file.read(16)  # another key each time
        assert sealed[: len(data) // 10] != sealed[len(data) // 10 : len(data) // 5]  # what comes again looks different


def test_it_is_gone_when_it_is_closed(on_disk):
    spool = pcm_of(noise(1, 1000, np.int16), 8000)
    fd = spool._file.fileno()
    assert os.fstat(fd).st_size == 2000
    spool.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    with pytest.raises(ValueError, match="closed"):
        spool.read()


def test_a_full_disk_is_told_with_what_to_do(on_disk):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = open_files()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(CannotWrite, match="temporary file: file too large") as caught:
            pcm_of(noise(1, 100_000, np.int16), 8000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.exit_code == 11
    assert "TMPDIR" in caught.value.hint
    assert open_files() == before


def test_no_folder_for_temporary_files_is_told(on_disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(on_disk / "gone"))
    with pytest.raises(CannotWrite) as caught:
        pcm_of(noise(1, 1000, np.int16), 8000)
    assert "TMPDIR" in caught.value.hint


def test_a_spool_that_lost_its_end_is_not_read(on_disk):
    spool = pcm_of(noise(1, 1000, np.int16), 8000)
    os.ftruncate(spool._file.fileno(), 500)
    with pytest.raises(CannotWrite, match="can't be read back"):
        spool.read()


def test_what_fails_on_the_way_leaves_no_spool(on_disk):
    def pieces():
        yield bytes(100)
        raise InterruptedError

    before = open_files()
    with pytest.raises(InterruptedError):
        Pcm(pieces(), 1, 8000, np.int16)
    assert open_files() == before
