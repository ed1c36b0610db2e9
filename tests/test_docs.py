"""What the documents say is there."""

import re
from pathlib import Path

import click
import pytest

from redact.cli.file import file
from redact.cli.main import _COMMANDS
from redact.policy import names

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", sorted(_COMMANDS))
def test_each_command_is_in_the_readme(command: str) -> None:
    assert f"redact {command}" in README


@pytest.mark.parametrize("option", [p.opts[-1] for p in file.params if isinstance(p, click.Option)])
def test_each_option_is_in_the_readme_and_has_help(option: str) -> None:
    assert option in README
    assert next(p for p in file.params if option in p.opts).help


@pytest.mark.parametrize("policy", names())
def test_each_policy_is_in_the_readme(policy: str) -> None:
    assert f"`{policy}`" in README


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*.md")], ids=str)
def test_each_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
