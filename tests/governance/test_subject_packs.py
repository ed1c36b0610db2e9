"""Packs: opened by their passphrase alone, whole or not at all."""

from io import BytesIO

import pytest
from subject_world import TYPED, content

from redact.errors import InputRejected, KeyMissing
from redact.governance import packs
from redact.stores.vault import CHUNK_BYTES

SAID = f"My name is {TYPED[0]}, my number {TYPED[1]}. ".encode()
CASE = "request-20260301-0badcafe"


def pack(said: bytes, phrase: str, case_id: str = CASE) -> bytes:
    made = BytesIO()
    packs.write(BytesIO(said), made, case_id, phrase)
    return made.getvalue()


@pytest.mark.parametrize("said", [b"", SAID, SAID * 60_000], ids=["empty", "short", "of several chunks"])
def test_what_goes_in_comes_out(said: bytes) -> None:
    phrase = packs.passphrase()
    assert len(SAID * 60_000) > 2 * CHUNK_BYTES
    made = pack(said, phrase)
    assert content(packs.opened(BytesIO(made), phrase, CASE)).getvalue() == said
    assert TYPED[0].encode() not in made


@pytest.mark.parametrize("how", [str.upper, lambda p: p.replace("-", " "), lambda p: p.replace("-", "") + "\n"])
def test_a_passphrase_may_be_typed_in_several_ways(how) -> None:
    phrase = packs.passphrase()
    assert content(packs.opened(BytesIO(pack(SAID, phrase)), how(phrase))).getvalue() == SAID


def test_passphrases_differ_and_are_long() -> None:
    made = {packs.passphrase() for _ in range(50)}
    assert len(made) == 50
    assert all(len(phrase.replace("-", "")) == 24 for phrase in made)


def test_a_wrong_passphrase_is_refused() -> None:
    made = pack(SAID, packs.passphrase())
    for phrase in ("", packs.passphrase(), "x"):
        with pytest.raises(KeyMissing):
            next(packs.opened(BytesIO(made), phrase))


def test_another_s_pack_is_refused() -> None:
    mine, other = packs.passphrase(), packs.passphrase()
    swapped = pack(SAID, other, "request-20260301-deadbeef")
    with pytest.raises(KeyMissing):
        next(packs.opened(BytesIO(swapped), mine, CASE))
    with pytest.raises(KeyMissing):  # of the same passphrase, and another case
        next(packs.opened(BytesIO(swapped), other, CASE))
    mixed = pack(SAID, mine)
    head = len(mixed) - len(mixed.split(b"REDACTV", 1)[1]) - 7
    with pytest.raises(KeyMissing):  # the head of one before the content of another
        next(packs.opened(BytesIO(mixed[:head] + pack(SAID, mine)[head:]), mine))
    renamed = mixed.replace(b"0badcafe", b"deadbeef")
    with pytest.raises(KeyMissing):
        next(packs.opened(BytesIO(renamed), mine))


@pytest.mark.parametrize("cut", [1, 16, 40])
def test_a_pack_that_was_cut_or_goes_on_is_refused(cut: int) -> None:
    phrase = packs.passphrase()
    made = pack(SAID, phrase)
    for broken in (made[:-cut], made + b"\0" * cut):
        with pytest.raises(KeyMissing):
            next(packs.opened(BytesIO(broken), phrase))


def test_any_bit_that_was_changed_is_noticed() -> None:
    phrase = packs.passphrase()
    made = pack(b"short", phrase)
    for at in range(9, len(made), 11):
        broken = bytearray(made)
        broken[at] ^= 1
        with pytest.raises(KeyMissing):
            next(packs.opened(BytesIO(bytes(broken)), phrase))


@pytest.mark.parametrize("junk", [b"", b"REDACTP", b"PK\x03\x04" + b"x" * 100, b"REDACTP\x01\x28" + b"x" * 100])
def test_what_is_no_pack_is_refused(junk: bytes) -> None:
    with pytest.raises(InputRejected):
        next(packs.opened(BytesIO(junk), "x"))
