"""Keys: where they come from, what is none, and that they never show."""

import base64
import io
import os
import traceback

import pytest

from redact import keys
from redact.errors import ExitCode, KeyMissing
from redact.keys import ENVIRONMENT, Key, mac, read, required

SECRET = bytes(range(100, 132))
WAYS = {
    "hex": SECRET.hex(),
    "capital hex": SECRET.hex().upper(),
    "base64": base64.b64encode(SECRET).decode(),
    "base64url": base64.urlsafe_b64encode(SECRET).decode(),
    "base64 without padding": base64.b64encode(SECRET).decode().rstrip("="),
    "a line": SECRET.hex() + "\n",
}
WRONG = {
    "short": SECRET.hex()[:-2],
    "long": SECRET.hex() + "00",
    "not hex": "g" * 64,
    "not base64": "!" * 43 + "=",
    "a passphrase": "correct horse battery staple 123",
    "a key of 16 bytes in hex": SECRET[:16].hex(),
    "not ASCII": "é" * 64,
}


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def key_file(tmp_path, content, mode=0o600):
    file = tmp_path / "redact.key"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
    return file


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_write_a_key(tmp_path, monkeypatch, way):
    assert read(key_file(tmp_path, WAYS[way])) == Key(SECRET)
    monkeypatch.setenv(ENVIRONMENT, WAYS[way])
    assert read() == Key(SECRET)


def test_a_file_of_raw_bytes_and_one_that_comes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, bytes(32).hex())
    raw = bytes([10, *range(1, 32)])  # begins with a line feed: raw bytes are not stripped
    assert read(key_file(tmp_path, raw)) == Key(raw)


@pytest.mark.parametrize("way", WRONG)
def test_what_is_no_key_is_refused_without_being_told(tmp_path, monkeypatch, way):
    monkeypatch.setenv(ENVIRONMENT, WRONG[way])
    for attempt in (lambda: read(key_file(tmp_path, WRONG[way])), read):
        with pytest.raises(KeyMissing) as caught:
            attempt()
        assert caught.value.exit_code == ExitCode.KEY == 12
        told = io.StringIO()
        traceback.print_exception(caught.value, file=told)
        assert WRONG[way] not in told.getvalue() + caught.value.hint


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_file_that_is_open_to_others_is_refused(tmp_path, mode):
    with pytest.raises(KeyMissing, match="open to others") as caught:
        read(key_file(tmp_path, SECRET, mode))
    assert "chmod 600" in caught.value.hint
    assert read(key_file(tmp_path, SECRET, 0o400)) == Key(SECRET)


def test_a_pipe_is_read_as_a_file_is():
    reading, writing = os.pipe()
    os.write(writing, SECRET)
    os.close(writing)
    with open(reading, closefd=True):  # noqa: PTH123 - a file descriptor has no path
        assert read(keys.Path(f"/proc/self/fd/{reading}")) == Key(SECRET)


def test_without_a_key_there_is_none_and_what_needs_it_says_so(tmp_path, monkeypatch):
    assert read() is None
    monkeypatch.setenv(ENVIRONMENT, "")
    assert read() is None
    with pytest.raises(KeyMissing, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(KeyMissing, match="the operator hash needs a key") as caught:
        required(read(), "the operator hash")
    assert "/dev/urandom" in caught.value.hint
    assert required(Key(SECRET), "x") == Key(SECRET)


def test_a_key_never_shows():
    shown = f"{Key(SECRET)!r} {Key(SECRET)} {[Key(SECRET)]}"
    assert shown == "Key() Key() [Key()]"


def test_subkeys_are_each_purpose_s_own_and_hkdf_s():
    subkeys = {purpose: Key(SECRET).subkey(purpose) for purpose in ("hash", "encrypt", "pseudonym", "surrogate")}
    assert len({SECRET, *subkeys.values()}) == 5
    assert {len(subkey) for subkey in subkeys.values()} == {32}
    # RFC 5869 by hand: a change of these would make all that was ever encrypted unreadable.
    import hmac

    extracted = hmac.digest(bytes(32), SECRET, "sha256")
    assert subkeys["encrypt"] == hmac.digest(extracted, b"callredact 1 encrypt\x01", "sha256")


def test_a_value_is_authenticated_with_its_type():
    subkey = Key(SECRET).subkey("hash")
    assert mac(subkey, "AGE", "x") == mac(subkey, "AGE", "x")
    assert (
        len({mac(subkey, "AGE", "x"), mac(subkey, "AGE", "y"), mac(subkey, "AGEx", ""), mac(bytes(32), "AGE", "x")})
        == 4
    )
    assert mac(subkey, "AGE", "\ud800")
