"""Checks of what was written."""

import pytest

from redact import policy as policies
from redact import verify
from redact.call import Stretch
from redact.findings import Check

BURST = Stretch(1, 100, 300)


@pytest.mark.parametrize(("left", "check"), [
    ((), Check("no_keypad_tones", True, 0.0)),
    ((BURST, BURST), Check("no_keypad_tones", False, 2.0)),
])  # fmt: skip
def test_keypad_tones_left_fail_the_call(left: tuple[Stretch, ...], check: Check) -> None:
    assert verify.check_tones(left, policies.load("default")) == (check,)


def test_keypad_tones_that_the_policy_leaves_in_are_not_looked_for() -> None:
    assert verify.check_tones((BURST,), policies.load("default").changed(entities={"PERSON": 0.4})) == ()
