"""Finding the recordings that a person is in, by the keyed index: nothing is listened to, and nothing is opened."""

from collections import Counter
from collections.abc import Callable, Sequence

from redact import subjects
from redact.batch.archive import Archive
from redact.call import Transcript
from redact.custody import Custodian, sources_of, terms_beside
from redact.errors import KeyMissing, UsageError
from redact.findings import Finding, Plan, TermKind
from redact.stores.opened import Stores
from redact.transcripts import native

_NO_PLAN = Plan((), ())


def search(
    stores: Stores, wanted: Sequence[tuple[TermKind, str]], *, every_word: bool = True, by_sound: bool = True
) -> frozenset[str]:
    """The ids of the recordings in which all that is wanted is said, or stands in their metadata.

    Args:
        stores: where things are kept.
        wanted: kinds, and what to look for as somebody typed it: "Mme Ferrant", "+33 6 12 34 56 78".
        every_word: all words of a name have to be said, not any one of them.
        by_sound: names that sound alike are found too: engines spell them in many ways.

    Raises:
        UsageError: nothing is wanted, or something can't be looked for. The message tells no value.
        RedactError: the index can't be read.
    """
    if not wanted:
        raise UsageError("nothing is looked for", hint="give a name, a phone, an e-mail or a reference")
    needed = [(kind, subjects.sought(kind, typed, by_sound=by_sound)) for kind, typed in wanted]
    found: list[frozenset[str]] = []
    for kind, groups in needed:
        ids = [stores.index.find(kind, *forms) for forms in groups]
        found.append(frozenset.intersection(*ids) if every_word else frozenset.union(*ids))
    return frozenset.intersection(*found)


def rebuild(
    stores: Stores,
    find: Callable[[Transcript], Sequence[Finding]],
    archives: Sequence[str] = (),
    *,
    again: bool = False,
) -> Counter[str]:
    """Fill the index of recordings that were redacted before it was kept, from their sealed transcripts in clear.

    What is found anew is noted, with what the sealed metadata say. It may be ended at any moment, and run again: what
    is in the index already is passed over.

    Args:
        stores: where things are kept.
        find: all that is personal in a transcript, such as `redact.pipeline.Redactor.findings`.
        archives: folders or URLs of outputs, to count the recordings that have no such transcript; of those, what
            their metadata say is noted.
        again: also those that are in the index, such as after an update that finds more.

    Returns:
        How many were `indexed`, were `there` before, could `not_opened`, or are `without_transcript`.

    Raises:
        RedactError: the index or the log can't be written, or a model is missing.
    """
    custodian = Custodian(stores, requires_basis=False, seals=False)
    sealed = {each.recording_id for each in stores.vault.listed() if each.kind == "transcript"}
    booked = {row.recording_id for url in archives for row in stores.ledger.archive(Archive(url).url).rows()} - {""}
    done = Counter[str]()
    with stores.audit.action("index.build") as counts:
        for recording_id in sorted(sealed):
            is_there = not again and stores.index.has(recording_id)
            done["there" if is_there else _indexed(stores, custodian, recording_id, find)] += 1
        for recording_id in sorted(booked - sealed):
            for told in sources_of(stores.vault, recording_id):
                stores.index.add(recording_id, terms_beside(told))
            done["without_transcript"] += 1
        counts |= done
    return done


def _indexed(
    stores: Stores, custodian: Custodian, recording_id: str, find: Callable[[Transcript], Sequence[Finding]]
) -> str:
    """What came of one recording."""
    try:
        clear = native.read(b"".join(stores.vault.opened(recording_id, "transcript")).decode())
    except KeyMissing:  # erased, changed, or under a master key that isn't here: the others go on
        return "not_opened"
    custodian.index(recording_id, subjects.said(clear, find(clear), _NO_PLAN))
    return "indexed"
