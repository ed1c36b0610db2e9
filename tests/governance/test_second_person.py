"""Nobody opens an original by themselves, where the organisation wants a second person: on the command line either."""

from click.testing import CliRunner
from governance_world import ORGANISATION

from redact.cli.main import cli
from redact.errors import HeldForReview
from redact.stores.audit import actor


def opened(office, recording_id: str):
    office.kept.close()
    return CliRunner().invoke(
        cli, [*office.config, "vault", "open", recording_id, "-o", "-", "--reason", "complaint"]
    )  # fmt: skip


def test_it_is_asked_for_answered_and_then_opened(office):
    own, other = office.ids[:2]
    assert opened(office, own).exit_code == 0
    office.write({**ORGANISATION, "clear_access": {"second_person": True}})
    for _ in range(2):
        refused = opened(office, own)
        assert isinstance(refused.exception, HeldForReview)
        assert refused.output == ""
    approvals = office.kept.approvals(str(office.world.dest))
    (asked,) = approvals.all()
    assert (asked.recording_id, asked.name, asked.reason, asked.state) == (own, actor(), "complaint", "open")
    approvals.decide(asked.number, "lea", grant=True, hours=8)
    assert opened(office, own).exit_code == 0
    assert isinstance(opened(office, other).exception, HeldForReview)


def test_where_nobody_can_be_asked_it_stays_closed(office):
    office.write({**ORGANISATION, "clear_access": {"second_person": True}})
    told = opened(office, "call-elsewhere")
    assert isinstance(told.exception, HeldForReview)
    assert "nobody can be asked" in told.exception.hint
    assert office.kept.approvals(str(office.world.dest)).all() == ()
