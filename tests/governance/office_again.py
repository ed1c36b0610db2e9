"""The office of `governance_world`, made once for many tests and put back before each, as its batch takes a while.

It stays where it is, for a ledger knows its archive by its path.
"""

import shutil
from pathlib import Path

from batch_world import World
from governance_world import Office


class Template:
    """An office in a folder, and a copy of it as it was made."""

    def __init__(self, folder: Path) -> None:
        self._root, self._copy = folder / "office", folder / "copy"
        self._root.mkdir()
        made = Office(self._root)
        self._ids = made.ids
        made.config  # noqa: B018 - it writes the settings
        made.kept.close()
        shutil.copytree(self._root, self._copy)

    def again(self) -> Office:
        """The office, as it was made."""
        shutil.rmtree(self._root)
        shutil.copytree(self._copy, self._root)
        office = Office.__new__(Office)
        office.world = World(self._root).with_policy(originals="vault")
        office.ids = self._ids
        return office
