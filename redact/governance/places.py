"""Where redacted outputs lie: the archives that the organisation names, and what is in them beside a batch's own.

A batch puts a recording's outputs under its id. `redact file` may have put others in the same folders, called as their
input was: those are *loose*, and known by the digest that their report tells.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from redact import naming
from redact.batch.archive import Archive, Item
from redact.batch.work import report_path

_ENDING = ".report.json"
_NIGHTS = "nights/"


@dataclass(frozen=True, slots=True)
class Loose:
    """Outputs of one recording that are not called by its id.

    Attributes:
        name: what they are called, with their folder.
        sha256: of the recording.
        made_at: when the report was written; None where the store doesn't tell.
    """

    archive: Archive = field(repr=False)
    name: str = field(repr=False)
    sha256: str
    made_at: datetime | None

    def paths(self) -> list[str]:
        """Of the report, the outputs, and the recording itself where it lies beside them unchanged."""
        found = self.archive.beginning(f"{self.name}.")
        own = [path for path in found if path.startswith(f"{self.name}.redacted.") or path == self.name + _ENDING]
        return own + [path for path in found if path not in own and self.archive.sha256(path) == self.sha256]


class Places:
    """All archives.

    Args:
        urls: folders or URLs of outputs.

    Raises:
        UsageError: one can't be reached that way.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self.archives = tuple(map(Archive, urls))

    @cached_property
    def _listed(self) -> tuple[dict[str, list[Loose]], dict[str, datetime | None]]:
        loose: dict[str, list[Loose]] = defaultdict(list)
        reports: dict[str, datetime | None] = {}
        for archive in self.archives:
            for item in archive.items():
                name = item.path.rpartition("/")[2].removesuffix(_ENDING)
                if item.path == report_path(name):
                    reports[name] = item.modified_at
                elif item.path.endswith(_ENDING) and (one := _loose(archive, item)):
                    loose[naming.opaque(one.sha256)].append(one)
        return loose, reports

    @property
    def loose(self) -> Mapping[str, Sequence[Loose]]:
        """Loose outputs, by the id that their recording has. All archives are listed, once.

        Raises:
            InputRejected: one can't be.
        """
        return self._listed[0]

    @property
    def reports(self) -> Mapping[str, datetime | None]:
        """When each report was written that a batch has put there, by its recording's id; None where nobody can tell.

        Raises:
            InputRejected: an archive can't be listed.
        """
        return self._listed[1]

    def nights(self) -> list[tuple[Archive, str]]:
        """Reports of batches' runs, each with its archive."""
        return [(archive, path) for archive in self.archives for path in archive.beginning(_NIGHTS)]


def _loose(archive: Archive, item: Item) -> Loose | None:
    """What a report tells that no batch has put there; None where it is none."""
    try:
        sha256 = json.loads(archive.read(item.path) or b"{}")["input"]["sha256"]
    except (ValueError, KeyError, TypeError):
        return None
    return Loose(archive, item.path.removesuffix(_ENDING), str(sha256), item.modified_at)
