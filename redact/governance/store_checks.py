"""Checks of what is kept: the log, keys, what lies about in clear, users, and what should be gone."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

from redact.batch.archive import Archive
from redact.governance.check import Check, Installation
from redact.governance.erasure import back
from redact.governance.places import Places
from redact.governance.retention import plan
from redact.stores.data_keys import NO_RECORDINGS
from redact.stores.reviews import BY_PROVIDER
from redact.stores.vault import LOCK, SUFFIX, is_sealed

# What a batch or `redact file` writes: outputs, reports, and the reports of nights.
_OUTPUT = re.compile(r"(.*/)?[^/]+\.redacted\.[A-Za-z0-9]{1,5}|(.*/)?[^/]+\.report\.json|nights/[^/]+\.(json|html)")
_OLD_MASTER_DAYS = 365


def log(here: Installation) -> Check:
    """Nobody changed the log."""
    return Check("log.whole", "ok", {"rows": here.stores.audit.verify()})


def keys(here: Installation) -> Check:
    """All keys are wrapped by the current master key, and no change of keys was left half-done."""
    current = here.stores.masters.current
    wrapped = here.stores.keys.by_master()
    waiting = here.stores.keys.waiting()
    evidence = {"keys": sum(wrapped.values()), "by_another_master": sum(wrapped.values()) - wrapped.get(current, 0)}
    evidence["waiting_for_fresh_keys"] = waiting
    if evidence["by_another_master"]:
        return Check("keys.current", "failed", evidence, "finish it: redact keys rotate --resume")
    if waiting:
        return Check("keys.current", "warning", evidence, "finish it: redact vault reseal")
    made = getattr(here.stores.masters, "made_at", {}).get(current, "")
    age = (here.now - datetime.fromisoformat(made)).days if made else 0
    if age > _OLD_MASTER_DAYS and here.master_keys:
        return Check(
            "keys.current", "warning", {**evidence, "age_days": age}, "change it once a year: redact keys rotate"
        )
    return Check("keys.current", "ok", {**evidence, "age_days": age})


def clear_in_archives(here: Installation) -> Check:
    """No recording in clear lies among redacted ones."""
    other: Counter[str] = Counter()
    for url in here.organisation.archives:
        for item in Archive(url).items():
            if not _OUTPUT.fullmatch(item.path):
                ending = item.path.rpartition(".")[2].lower()
                other[ending if ending.isalnum() and len(ending) <= 5 and "." in item.path else "other"] += 1
    evidence = {"archives": len(here.organisation.archives), "files": sum(other.values())}
    if other:
        hint = "find them with: find DIR -type f ! -name '*.redacted.*' ! -name '*.report.json'; move or delete them"
        return Check("clear.archives", "failed", {**evidence, **{f"ending_{end}": n for end, n in other.items()}}, hint)
    if not here.organisation.archives:
        return Check("clear.archives", "unknown", evidence, "name the folders of outputs as archives: redact register")
    return Check("clear.archives", "ok", evidence)


def clear_in_vault(here: Installation) -> Check:
    """All that lies in the vault is encrypted, and can be decrypted by a key that is here."""
    known = {(key.recording_id, key.key_id) for key in here.stores.keys.listed()}
    counts: Counter[str] = Counter({"sealed": 0, "clear": 0, "left_half_done": 0, "without_key": 0})
    for path in here.vault.rglob("*"):
        if path.is_dir() or path.name == LOCK:
            continue
        is_whole = path.name.endswith(SUFFIX)
        kind = "sealed" if is_whole else "left_half_done"
        counts[kind if is_sealed(path) else "clear"] += 1
    counts["without_key"] = sum((s.recording_id, s.key_id) not in known for s in here.stores.vault.listed())
    if counts["clear"]:
        return Check(
            "clear.vault", "failed", dict(counts), "something else wrote there: seal these files, or remove them"
        )
    if counts["left_half_done"] or counts["without_key"]:
        return Check("clear.vault", "warning", dict(counts), "nobody can read these: remove what nothing writes to now")
    return Check("clear.vault", "ok", dict(counts))


def users(here: Installation) -> Check:
    """Who may use the page, and how they prove who they are."""
    reviews = here.stores.reviews("-")
    found = reviews.users()
    live = [user for user in found if not user.disabled]
    by_password = sum(reviews.password_of(user.name) != BY_PROVIDER for user in live)
    wide = sum(user.role in {"dpo", "admin"} for user in live)
    evidence = {"users": len(found), "disabled": len(found) - len(live), "by_password": by_password, "wide_roles": wide}
    if by_password:
        hint = "sign-in by your OpenID provider, over https, has a second factor: redact review --oidc, redact users"
        return Check("users.sign_in", "warning", evidence, hint)
    if wide > max(2, len(live) // 2):
        return Check("users.sign_in", "warning", evidence, "give fewer people the roles dpo and admin")
    return Check("users.sign_in", "ok", evidence)


def sessions(here: Installation) -> Check:
    """Nobody who may not sign in any more is still signed in."""
    counts = here.stores.reviews("-").sessions(here.now.timestamp())
    if counts["disabled"]:
        return Check("users.sessions", "failed", counts, "end them: redact users disable NAME ends a user's sessions")
    return Check("users.sessions", "ok", counts)


def overdue(here: Installation) -> Check:
    """Nothing is kept for longer than the organisation's limits, but for legal holds."""
    found = plan(here.stores, here.organisation, Places(here.organisation.archives), here.now).classes
    evidence = {name: due.count for name, due in found.items()} | {
        "due_but_on_hold": sum(len(due.held) for due in found.values())
    }
    if any(due.count for due in found.values()):
        return Check("retention.overdue", "failed", evidence, "see what is due with: redact retention plan")
    return Check("retention.overdue", "ok", evidence)


def erased(here: Installation) -> Check:
    """What was erased is still gone: no backup has brought it back."""
    found = back(here.stores, here.organisation.archives)
    evidence = {"certificates": len(here.stores.certificates.all()), "back": len(found)}
    if found:
        return Check("erased.gone", "failed", evidence, "a backup was restored: erase them again: redact retention")
    return Check("erased.gone", "ok", evidence)


def backups(here: Installation) -> Check:
    """Backups of the store of keys are young: an old one would bring back what was erased."""
    folder, days = here.keyring_backups, here.backup_days
    if folder is None:
        return Check("keyring.backups", "unknown", {}, "say where they lie: --keyring-backups DIR")
    if not folder.is_dir():
        return Check("keyring.backups", "failed", {"backups": 0}, "there is no such folder: check --keyring-backups")
    ages = sorted(
        (here.now - datetime.fromtimestamp(path.stat().st_mtime, UTC)) / timedelta(days=1)
        for path in folder.rglob("*")
        if path.is_file()
    )
    evidence = {"backups": len(ages), "limit_days": days}
    if not ages:
        return Check("keyring.backups", "failed", evidence, "who loses the store of keys has lost all: back it up")
    evidence |= {"youngest_hours": round(ages[0] * 24), "oldest_days": round(ages[-1])}
    if ages[-1] > days:
        return Check("keyring.backups", "failed", evidence, "delete backups of the store of keys that are older")
    if ages[0] > days / 2:
        return Check("keyring.backups", "warning", evidence, "the last backup is not of today: see why")
    return Check("keyring.backups", "ok", evidence)


def recordings(here: Installation) -> Check:
    """The lawful basis of what was redacted is on record."""
    counts: Counter[str] = Counter()
    for url in here.organisation.archives:
        for row in here.stores.ledger.archive(Archive(url).url).rows(states=("done",)):
            counts["with_basis" if row.basis not in {"", "not recorded"} else "without_basis"] += 1
    keyed = sum(key.recording_id not in NO_RECORDINGS for key in here.stores.keys.listed())
    evidence = {"with_basis": counts["with_basis"], "without_basis": counts["without_basis"], "keys": keyed}
    if counts["without_basis"]:
        hint = "record it with: redact consent import; require it with lawful_basis: required in the policy"
        return Check("basis.recorded", "warning", evidence, hint)
    return Check("basis.recorded", "ok", evidence)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
