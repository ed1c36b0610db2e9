"""The audit of an installation: every check that a machine can make by itself, as one signed report.

A check that can't be made has failed: what can't be opened is not in order.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from redact import __version__
from redact.errors import RedactError
from redact.governance import machine_checks, store_checks
from redact.governance.check import RESULTS, Check, Installation
from redact.stores.audit import Audit

SCHEMA, VERSION = "callredact.security", 1
# By their ids, so that one that fails to be made is still named.
ON_THE_MACHINE: Mapping[str, Callable[[Installation], Check]] = {
    "keys.permissions": machine_checks.key_file,
    "stores.permissions": machine_checks.stores_private,
    "keys.apart": machine_checks.keys_apart,
    "heads.apart": machine_checks.heads_apart,
    "core.dumps": machine_checks.core_dumps,
    "account.root": machine_checks.account,
    "decoder.sandbox": machine_checks.sandbox,
    "models.digests": machine_checks.models,
    "code.whole": machine_checks.code,
    "versions.lock": machine_checks.versions,
}
IN_THE_STORES: Mapping[str, Callable[[Installation], Check]] = {
    "log.whole": store_checks.log,
    "keys.current": store_checks.keys,
    "clear.archives": store_checks.clear_in_archives,
    "clear.vault": store_checks.clear_in_vault,
    "users.sign_in": store_checks.users,
    "users.sessions": store_checks.sessions,
    "basis.recorded": store_checks.recordings,
    "retention.overdue": store_checks.overdue,
    "erased.gone": store_checks.erased,
    "keyring.backups": store_checks.backups,
}
CHECKS = {**ON_THE_MACHINE, **IN_THE_STORES}


def checked(here: Installation) -> tuple[Check, ...]:
    """Make all checks; of stores only where there are some, for a look makes none."""
    chosen = CHECKS if here.settings.has_stores else ON_THE_MACHINE
    made = tuple(_made(check_id, check, here) for check_id, check in chosen.items())
    nothing = Check("stores", "unknown", {"stores": "none"}, "nothing is kept here yet; begin with: redact keys init")
    return made if here.settings.has_stores else (*made, nothing)


def _made(check_id: str, check: Callable[[Installation], Check], here: Installation) -> Check:
    try:
        return check(here)
    except RedactError as error:
        return Check(check_id, "failed", {"error": error.reason}, error.hint)
    except OSError as error:
        return Check(check_id, "failed", {"error": type(error).__name__}, "check whose the files are, and run it again")


def report(checks: Sequence[Check], now: datetime) -> dict[str, Any]:
    """What was found, as a JSON-ready object."""
    counts = Counter(check.result for check in checks)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "redact_version": __version__,
        "at": now.isoformat(timespec="seconds"),
        "counts": {result: counts[result] for result in RESULTS},
        "checks": [
            {
                "id": check.check_id, "result": check.result, "evidence": dict(check.evidence),
                "evidence_sha256": check.digest, "hint": check.hint,
            }
            for check in checks
        ],
    }  # fmt: skip


def signed(told: Mapping[str, Any], audit: Audit) -> dict[str, Any]:
    """A report with the log's signature over it, and the key that verifies it."""
    bare = {**told, "public_key": audit.public_key}
    return {**bare, "signature": audit.sign(_said(bare))}


def is_signed(told: Mapping[str, Any], audit: Audit) -> bool:
    """True where this log signed a report, and nothing of it was changed since."""
    bare = {key: value for key, value in told.items() if key != "signature"}
    return audit.is_signed(_said(bare), str(told.get("signature", "")))


def file_name(now: datetime) -> str:
    """Of the report of a month."""
    return f"audit-{now:%Y-%m}.json"


def _said(bare: Mapping[str, Any]) -> bytes:
    return json.dumps(bare, sort_keys=True).encode()
