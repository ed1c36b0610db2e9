"""Checks of the machine: who may read what, what lies apart, and whether the programs are those that were checked."""

import base64
import hashlib
import importlib.metadata
import os
import re
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

from redact import __version__
from redact.governance.check import DATABASES, Check, Evidence, Installation

_DISTRIBUTION = "callredact"
_PACKAGE = Path(__file__).resolve().parents[1]
_PASSWORD = re.compile(r"://[^/@:\s]*:[^@\s]+@|[?&]password=")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", re.MULTILINE)
_CHUNK_BYTES = 1 << 20


def key_file(here: Installation) -> Check:
    """The master keys are their owner's alone, and nobody else can put others in their place."""
    file = here.master_keys
    if file is None:
        return Check("keys.permissions", "ok", {"master_keys": "not_in_a_file"})
    if not file.exists():
        return Check("keys.permissions", "failed", {"missing": 1}, "make master keys with: redact keys init")
    facts, folder = file.stat(), file.parent.stat()
    evidence: Evidence = {
        "mode": f"{stat.S_IMODE(facts.st_mode):04o}",
        "folder_mode": f"{stat.S_IMODE(folder.st_mode):04o}",
    }
    if facts.st_mode & 0o077 or facts.st_uid not in {os.geteuid(), 0}:
        return Check(
            "keys.permissions", "failed", evidence, "chmod 400 the file of master keys, then: redact keys rotate"
        )
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        return Check("keys.permissions", "failed", evidence, "chmod 700 the folder of the master keys")
    return Check("keys.permissions", "ok", evidence)


def stores_private(here: Installation) -> Check:
    """Databases, vault, heads and settings can be read by their owner alone."""
    open_to_others = sorted({name for name, path in _kept(here) if path.stat().st_mode & 0o077})
    if _is_open(here.settings.file):
        open_to_others.append("redact.toml")
    checked = len({path for _, path in _kept(here)})
    if open_to_others:
        evidence: Evidence = {"checked": checked, "open": " ".join(open_to_others)}
        return Check("stores.permissions", "failed", evidence, "chmod 600 these files, and chmod 700 the folders")
    return Check("stores.permissions", "ok", {"checked": checked})


def _is_open(settings: Path | None) -> bool:
    """True for a file of settings that others may change; or read, where a password stands in it."""
    if settings is None:
        return False
    mode = settings.stat().st_mode
    return bool(mode & 0o022 or (mode & 0o044 and _PASSWORD.search(settings.read_text(encoding="utf-8"))))


def _kept(here: Installation) -> Iterator[tuple[str, Path]]:
    """What is the owner's alone, by the name of its setting: files of databases, those beside them, and the vault's."""
    for name in DATABASES:
        file = here.database(name)
        if file:
            yield from ((name, Path(f"{file}{end}")) for end in ("", "-wal", "-shm") if Path(f"{file}{end}").exists())
    if here.heads.exists():
        yield "audit_heads", here.heads
    if here.vault.exists():
        yield "vault", here.vault
        yield from (("vault", path) for path in here.vault.rglob("*"))


def keys_apart(here: Installation) -> Check:
    """Whoever takes the vault, or its disk, has not taken the keys with it."""
    keyring, keys = here.database("keyring"), here.master_keys
    inside = [
        name
        for name, path in (("master_keys", keys), ("keyring", keyring))
        if path and path.resolve().is_relative_to(here.vault.resolve())
    ]
    if inside:
        return Check("keys.apart", "failed", {"in_vault": " ".join(inside)}, "move them out of the vault's folder")
    if keys is None:
        return Check("keys.apart", "ok", {"master_keys": "not_in_a_file"})
    shared = [
        name
        for name, path in (("vault", here.vault), ("keyring", keyring))
        if path and path.exists() and keys.exists() and path.stat().st_dev == keys.stat().st_dev
    ]
    if shared:
        hint = "put the master keys on another file system, hand them over by systemd, or use a key service"
        return Check("keys.apart", "warning", {"same_file_system_as": " ".join(shared)}, hint)
    return Check("keys.apart", "ok", {})


def heads_apart(here: Installation) -> Check:
    """Signed heads lie where whoever owns the log can't write over them."""
    records = here.database("records")
    if not here.heads.exists():
        return Check("heads.apart", "warning", {"heads": 0}, "nothing was logged yet, or the heads were taken away")
    if records is None:
        return Check("heads.apart", "ok", {"records": "on_a_server"})
    heads, log = here.heads.stat(), records.stat()
    if heads.st_dev == log.st_dev and here.heads.parent.stat().st_uid == log.st_uid:
        hint = (
            "let audit_heads name a file on another file system or host, of another owner, and append-only (chattr +a)"
        )
        return Check("heads.apart", "warning", {"same_file_system": 1, "same_owner": 1}, hint)
    return Check("heads.apart", "ok", {})


def core_dumps(here: Installation) -> Check:  # noqa: ARG001
    """A process that crashes leaves no copy of its memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    evidence = {"soft_is_zero": int(soft == 0), "hard_is_zero": int(hard == 0)}
    if soft != 0:
        return Check("core.dumps", "failed", evidence, "ulimit -c 0, or LimitCORE=0 for the service")
    return Check("core.dumps", "ok", evidence)


def account(here: Installation) -> Check:  # noqa: ARG001
    """Redaction needs no rights of root."""
    if os.geteuid() == 0:
        return Check("account.root", "warning", {"root": 1}, "run redact as an account of its own, without rights")
    return Check("account.root", "ok", {"root": 0})


def sandbox(here: Installation) -> Check:  # noqa: ARG001
    """What keeps the decoder from doing harm, each tried on a process like it."""
    from redact.audio.decoder import protections

    found = protections()
    lacking = sorted(name for name, is_there in found.items() if not is_there)
    evidence: Evidence = {"tried": len(found), "lacking": " ".join(lacking)}
    if {"network", "system_calls"} <= set(lacking):
        return Check("decoder.sandbox", "failed", evidence, "run where there is no network; see: redact doctor")
    if lacking:
        return Check("decoder.sandbox", "warning", evidence, "see: redact doctor")
    return Check("decoder.sandbox", "ok", evidence)


def models(here: Installation) -> Check:  # noqa: ARG001
    """Each file of each model is the one whose SHA-256 is stated."""
    from redact.models import verify

    states = [status.state for status in verify(thorough=True)]
    evidence = {state.replace(" ", "_"): states.count(state) for state in sorted(set(states))}
    if evidence.get("damaged"):
        return Check("models.digests", "failed", evidence, "make them anew with: redact models pull NAME")
    if not evidence.get("ready"):
        return Check("models.digests", "failed", evidence, "no model is ready: redact models list")
    return Check("models.digests", "ok", evidence)


def code(here: Installation) -> Check:  # noqa: ARG001
    """Our own files are those that were installed."""
    try:
        files = importlib.metadata.distribution(_DISTRIBUTION).files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    ours = [file for file in files if file.hash and file.parts[0] == _PACKAGE.name]
    if not any(file.parts == (_PACKAGE.name, "__init__.py") for file in ours):
        hint = "install a wheel, whose files have their digests beside them"
        return Check("code.whole", "unknown", {"version": __version__, "from": "checkout"}, hint)
    changed = sum(not _is_as_recorded(file) for file in ours)
    evidence: Evidence = {"version": __version__, "files": len(ours), "changed": changed}
    if changed:
        return Check(
            "code.whole", "failed", evidence, f"find out who did, then: pip install --force-reinstall {_DISTRIBUTION}"
        )
    return Check("code.whole", "ok", evidence)


def _is_as_recorded(file: importlib.metadata.PackagePath) -> bool:
    if file.hash is None:
        return True
    digest = hashlib.new(file.hash.mode)
    try:
        with Path(str(file.locate())).open("rb") as content:
            while block := content.read(_CHUNK_BYTES):
                digest.update(block)
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=") == file.hash.value


def versions(here: Installation) -> Check:  # noqa: ARG001
    """Libraries are of the versions that were tested, as the lock file has them."""
    lock = _PACKAGE.parent / "requirements.lock"
    if not lock.is_file():
        hint = "install by the lock file of the release: pip install --require-hashes -r requirements.lock"
        return Check("versions.lock", "unknown", {"lock": "not_here"}, hint)
    locked = dict(_PINNED.findall(lock.read_text(encoding="utf-8")))
    other = missing = 0
    for name, version in locked.items():
        try:
            other += importlib.metadata.version(name) != version
        except importlib.metadata.PackageNotFoundError:
            missing += 1  # of another extra, or another platform
    evidence = {"locked": len(locked), "other_version": other, "not_installed": missing}
    if other:
        return Check("versions.lock", "warning", evidence, "pip install --require-hashes -r requirements.lock")
    return Check("versions.lock", "ok", evidence)
