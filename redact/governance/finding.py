"""Finding the recordings that a person is in, by the keyed index: nothing is listened to, and nothing is decrypted."""

from collections.abc import Sequence

from redact import subjects
from redact.errors import UsageError
from redact.findings import TermKind
from redact.stores.opened import Stores


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
