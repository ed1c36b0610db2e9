"""The search itself: it finds a value in every form, or it would find nothing and say that all is well."""

from pathlib import Path

import numpy as np
import pytest
from canaries import Canary, coded_windows, escaped, everything, found, sounds, spoken, windows

NAME, ACCENTED, NUMBER, MAIL = "Zebulon Ostrowhite", "Zéphyrine Quillfeather", "4929731022846059", "z.ostro@vexmail.org"
AROUND = b'\x00\xff{"text": "it is %s, yes"}\n' * 3


@pytest.mark.parametrize("value", [NAME, ACCENTED, NUMBER, MAIL])
@pytest.mark.parametrize("form", escaped(NAME))
def test_a_value_is_found_in_every_form(value: str, form: str) -> None:
    written = escaped(value)[form]
    packed = form in {"gzip", "zlib", "zip"}
    assert found([Canary(value)], written if packed else AROUND.replace(b"%s", written)), form


@pytest.mark.parametrize(
    "text",
    [
        "4929 7310 2284 6059",
        "4929-7310-2284-6059",
        "4,929,731,022,846,059",
        "4929 7310 2284 then nothing",
        "... 731022846 ...",
        "four nine two nine, seven three one zero, two two eight four, six zero five nine",
        "Four nine two nine seven three one oh two two eight four six oh five nine",
        "forty-nine twenty-nine seventy-three ten twenty-two eighty-four sixty fifty-nine",
        "four nine two nine seven three one zero double two eight four six zero five nine",
        *spoken(NUMBER),
    ],
)
def test_a_number_is_found_however_it_is_said(text: str) -> None:
    assert found([Canary(NUMBER)], AROUND.replace(b"%s", text.encode()))
    assert found([Canary(NUMBER)], text.encode("utf-16"))


def test_nothing_is_found_where_nothing_is() -> None:
    noise = np.random.default_rng(7).bytes(1 << 20)
    prose = b"Zebulon said that Ostro was white; 4929 731, 0228 is no number, and 46059 is none either." * 99
    assert found(map(Canary, (NAME, ACCENTED, NUMBER, MAIL)), noise) == frozenset()
    assert found([Canary(NAME), Canary(MAIL)], prose) == frozenset()


@pytest.mark.parametrize("value", ["4929", "Iris", "12345678"])
def test_what_stands_anywhere_by_chance_is_no_canary(value: str) -> None:
    with pytest.raises(AssertionError):
        Canary(value)


@pytest.mark.parametrize("dtype", ["<i2", "<i4", "<f4"])
@pytest.mark.parametrize("interleaved", [True, False])
def test_sound_is_found_in_every_form(dtype: str, interleaved: bool) -> None:
    sound = np.random.default_rng(3).integers(-9000, 9000, (2, 4000)).astype(np.int16)
    wanted = windows(sound, [(1000, 2000)])
    scale = {"<i2": 1, "<i4": 65536, "<f4": 1 / 32768}[dtype]
    other = np.random.default_rng(4).integers(-9000, 9000, (2, 4000)).astype(np.int16)
    for source, expected in ((sound, True), (other, False)):
        held = (source[:, 1333 : 1333 + 128] * np.float64(scale)).astype(dtype)
        data = b"odd" + (held.T if interleaved else held[1]).tobytes() + b"end"
        assert (sounds(wanted, data) > 0) is expected


def test_coded_sound_is_found() -> None:
    data = np.random.default_rng(5).bytes(5000)
    assert sounds(coded_windows(data, 1000, 3000), b"x" + data[2000:2200]) > 0
    assert sounds(coded_windows(data, 1000, 3000), data[3000:]) == 0


def test_names_of_files_and_folders_and_links_are_searched(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / "link").symlink_to(f"/nowhere/{ACCENTED}")
    (tmp_path / f"{NUMBER}.bin").write_bytes(b"")
    every = b"".join(data for _, data in everything(tmp_path))
    assert {told.split(" as ")[0] for told in found(map(Canary, (NAME, ACCENTED, NUMBER)), every)} == {
        NAME, ACCENTED, NUMBER,
    }  # fmt: skip
