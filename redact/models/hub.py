"""Models from the Hugging Face hub: fetched when a person asks for one, and never otherwise.

The first pull resolves the revision and records it with the hashes of what came; from then on the model is checked
against that record, and a later pull mends it from the same revision. The only module that uses `huggingface_hub`.
"""

import errno
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from redact.errors import ModelMissing, RedactError
from redact.models.cache import cannot_write, read_chunks, sha256_of, write_file
from redact.models.registry import FOLDER_WAY, WHISPER_FILES, lacking

_RECORD = "pulled.json"
_TIMEOUT_S = 30.0
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Record:
    """What the first pull of a model got.

    Attributes:
        repo: the repository on the hub.
        revision: the commit it was at.
        date: of the pull, ISO 8601, UTC.
        hashes: sha256 of each file.
    """

    repo: str
    revision: str
    date: str
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Stated:
    """A file as the hub describes it; it states a sha256 for large files only."""

    name: str
    size_bytes: int | None
    sha256: str | None


def offline_by_environment() -> bool:
    """True where `HF_HUB_OFFLINE` or `REDACT_OFFLINE` forbids the network, in the hub library's own spelling of yes."""
    yes = {"1", "ON", "YES", "TRUE"}
    return any(os.environ.get(name, "").upper() in yes for name in ("HF_HUB_OFFLINE", "REDACT_OFFLINE"))


def read_record(folder: Path) -> Record | None:
    """The record in a pulled model's folder; None where it is absent or damaged."""
    try:
        entry = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return Record(str(entry["repo"]), str(entry["revision"]), str(entry["date"]), dict(entry["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fetch(repo: str, into: Path, *, before: Record | None = None, progress: bool = False) -> None:
    """Downloads a model with its record into an empty folder.

    Args:
        repo: the repository on the hub.
        into: an empty folder. On error it may hold a part, which the caller removes.
        before: the record of an earlier pull: the same revision is fetched, and must have the same hashes.
        progress: shows progress on stderr.

    Raises:
        ModelMissing: the hub can't be reached, or what came is not what it stated or what was recorded.
        CannotWrite: the disk is full.
    """
    try:
        revision, stated = _download(repo, into, before.revision if before else None, progress=progress)
    except RedactError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise cannot_write(error) from None
        # The library lets through what its HTTP client raises, and that client has changed before.
        raise _failed(repo, type(error).__name__) from None
    finally:
        shutil.rmtree(into / ".cache", ignore_errors=True)
    hashes = {file.name: _checked(repo, into, file) for file in stated}
    if before and dict(before.hashes) != hashes:
        raise _failed(repo, "its files are not those of the first pull")
    date = before.date if before else datetime.now(UTC).date().isoformat()
    entry = {"repo": repo, "revision": revision, "date": date, "sha256": hashes}
    write_file([json.dumps(entry, indent=1).encode()], into / _RECORD)


def _download(repo: str, into: Path, revision: str | None, *, progress: bool) -> tuple[str, tuple[_Stated, ...]]:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not progress:
        disable_progress_bars()
    # Read here, not when the library is imported, so that it counts whoever imported it first.
    endpoint = os.environ.get("HF_ENDPOINT") or None
    info = HfApi(endpoint=endpoint).model_info(repo, revision=revision, timeout=_TIMEOUT_S, files_metadata=True)
    stated = tuple(
        _Stated(file.rfilename, file.size, file.lfs.sha256 if file.lfs else None)
        for file in info.siblings or ()
        if WHISPER_FILES.fullmatch(file.rfilename)
    )
    names = [file.name for file in stated]
    if not info.sha or lacking("faster-whisper", names):
        raise _failed(repo, "it holds no faster-whisper model")
    snapshot_download(repo, revision=info.sha, local_dir=into, allow_patterns=names, endpoint=endpoint)
    return info.sha, stated


def _checked(repo: str, folder: Path, stated: _Stated) -> str:
    """The sha256 of a downloaded file, which is as the hub stated it."""
    path = folder / stated.name
    # A link would point into the library's own cache, which others may tidy away.
    if path.is_symlink() or not path.is_file():
        raise _failed(repo, f"{stated.name} did not come")
    sha256 = sha256_of(read_chunks([path]))
    if stated.size_bytes not in (None, path.stat().st_size) or stated.sha256 not in (None, sha256):
        raise _failed(repo, f"{stated.name} came damaged")
    return sha256


def _failed(repo: str, reason: str) -> ModelMissing:
    return ModelMissing(
        f"{repo} could not be fetched: {reason}",
        hint=f"check the network and HF_ENDPOINT, and pull again; {FOLDER_WAY}",
    )
