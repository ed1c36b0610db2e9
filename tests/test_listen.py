"""Speech beside keypad tones."""

import pytest

from redact.call import Stretch
from redact.listen import without


@pytest.mark.parametrize(
    ("tones", "left"),
    [
        ([], [(1000, 5000)]),
        ([(0, 900)], [(1000, 5000)]),
        ([(5100, 6000)], [(1000, 5000)]),
        ([(2000, 2500)], [(1000, 2000), (2500, 5000)]),
        ([(900, 2000), (4500, 5100)], [(2000, 4500)]),
        ([(900, 5100)], []),
    ],
)
def test_speech_beside_a_key_is_still_speech(tones: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    found = without([Stretch(0, 1000, 5000)], [Stretch(0, *tone) for tone in tones])
    assert [(region.start_ms, region.end_ms) for region in found] == left
    assert without([Stretch(1, 1000, 5000)], [Stretch(0, *tone) for tone in tones]) == [Stretch(1, 1000, 5000)]
