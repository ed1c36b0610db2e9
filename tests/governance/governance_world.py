"""What the tests of governance share: a batch that was really run, with originals sealed, and who answers for it."""

import json
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import yaml
from batch_world import World
from click.testing import CliRunner

from redact.cli.main import cli
from redact.errors import RedactError
from redact.stores.opened import Stores

ORGANISATION = {
    "controller": {"name": "Halcyon Hotels", "address": "1 Quay Street, Dublin", "contact": "privacy@halcyon.example"},
    "dpo": {"name": "Maud Ferrant", "address": "1 Quay Street, Dublin", "contact": "dpo@halcyon.example"},
    "authority": {"name": "CNIL", "address": "Paris", "contact": "https://www.cnil.fr"},
    "website": "https://halcyon.example/privacy",
    "activities": [
        {
            "id": "call-recording",
            "name": "Recording of calls",
            "purposes": ["quality of service", "training of agents"],
            "lawful_basis": "legitimate_interest",
            "legitimate_interest": "to answer guests better",
            "data_subjects": ["guests who call", "agents"],
            "data_categories": ["voice", "contact details", "payment details"],
            "recipients": ["the quality team"],
            "transfers": [],
            "retention": "recordings",
        }
    ],
    "automated_decisions": "none",
    "provision": "Nobody has to be recorded; the call goes on without.",
    "source": "the call itself",
    "security_measures": ["encryption at rest", "redaction before use"],
}


class Office:
    """An installation after its first night.

    Attributes:
        world: its batch: archive, outputs and stores.
        ids: of the four recordings, in the order in which they were redacted.
    """

    def __init__(self, root: Path, databases: Mapping[str, str] = MappingProxyType({})) -> None:
        self.world = World(root, databases=databases).with_policy(originals="vault")
        for number in range(4):
            self.world.add(f"2026-03-0{number + 1}/call-{number}.wav", b"RIFF call %d" % number * (number + 1))
        self.world.run()
        self.write(ORGANISATION)
        self.ids = sorted(row.recording_id for row in self.world.rows())

    @classmethod
    def again(cls, root: Path, ids: list[str], databases: Mapping[str, str] = MappingProxyType({})) -> "Office":
        """One whose night was run before, in the same folder."""
        made = cls.__new__(cls)
        made.world, made.ids = World(root, databases=databases).with_policy(originals="vault"), ids
        return made

    def write(self, organisation: dict) -> None:
        """Say who answers for the recordings, and by which rules."""
        told = {**organisation, "archives": [str(self.world.dest)]}
        (self.world.root / "organisation.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")

    @cached_property
    def kept(self) -> Stores:
        return self.world.stores()

    @property
    def archives(self) -> list[str]:
        return [str(self.world.dest)]

    @property
    def config(self) -> list[str]:
        """What the command line is told, to use these stores."""
        self.world.settings()
        return ["--config", str(self.world.root / "redact.toml")]

    def outputs_of(self, recording_id: str) -> list[Path]:
        return sorted(self.world.dest.glob(f"??/{recording_id}.*"))

    def report_of(self, recording_id: str) -> dict:
        return json.loads(next(self.world.dest.glob(f"??/{recording_id}.report.json")).read_text())


def run(office: Office, *arguments, stdin: str = ""):
    """A command on an office's stores: its exit code, what it printed, and what it raised."""
    ended = CliRunner().invoke(cli, [*office.config, *map(str, arguments)], input=stdin)
    code = ended.exception.exit_code if isinstance(ended.exception, RedactError) else ended.exit_code
    return code, ended.output, ended.exception


SOME, ALL = ("keyring.db", "ledger.db"), ("keyring.db", "ledger.db", "governance.db", "records.db", "reviews.db")


def back_up(office: Office, folder: Path, databases: tuple[str, ...] = SOME) -> None:
    """A backup of databases, vault and outputs."""
    office.kept.close()
    folder.mkdir()
    for name in databases:
        shutil.copy(office.world.root / name, folder / name)
    shutil.copytree(office.world.dest, folder / "out")
    shutil.copytree(office.world.root / "vault", folder / "vault")


def restore(office: Office, folder: Path) -> None:
    """What somebody does who has lost them."""
    office.kept.close()
    del office.kept  # another process opens them
    for file in folder.glob("*.db"):
        for old in office.world.root.glob(f"{file.name}*"):
            old.unlink()
        shutil.copy(file, office.world.root / file.name)
    shutil.copytree(folder / "out", office.world.dest, dirs_exist_ok=True)
    shutil.copytree(folder / "vault", office.world.root / "vault", dirs_exist_ok=True)
