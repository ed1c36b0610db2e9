"""Names of outputs say nothing that was said in the call."""

from pathlib import Path

import pytest

from redact import naming

KEPT = frozenset({("desmond", "halloway"), ("12", "mill", "road")})


@pytest.mark.parametrize(
    ("name", "opaque"),
    [
        ("call.wav", False),
        ("desmond halloway.wav", True),
        ("Halloway_2.wav", True),  # one word of a name is a name
        ("call-with-DESMOND.wav", True),
        ("mill-road-branch.wav", False),  # everyday words
        ("12millroad.wav", True),
        ("call 1234.wav", False),
        ("call 12345.wav", True),
        ("call 12-34-5.wav", True),
    ],
)
def test_a_name_that_may_say_something_personal_is_opaque(name, opaque):
    stem = naming.stem(Path(name), KEPT, lambda word: word in {"mill", "road"}, "0123456789abcdef0123")
    assert stem == ("call-0123456789abcdef.redacted" if opaque else f"{Path(name).stem}.redacted")
    assert naming.report_name(stem) == f"{stem.removesuffix('.redacted')}.report.json"
