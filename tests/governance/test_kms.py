"""Master keys in AWS KMS, against a server of its interface on this machine; and what it answers when it refuses."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import pytest
from batch_world import STORE_KEYS, World
from click.testing import CliRunner

from redact.cli.main import cli
from redact.errors import CannotWrite, ExitCode, KeyMissing, ModelMissing, PolicyError
from redact.settings import load
from redact.stores import kms, master
from redact.stores.data_keys import DataKeys
from redact.stores.database import connect
from redact.stores.kms import KmsKeys, service
from redact.stores.opened import Stores

ALIAS = "aws-kms:alias/redact"


@pytest.fixture(scope="module")
def address():
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, ip_address="127.0.0.1", verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(address, monkeypatch):
    """A client of KMS, with a key that the alias leads to."""
    for name, value in {**STORE_KEYS, "AWS_ENDPOINT_URL_KMS": address}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("kms")
    for alias in client.list_aliases()["Aliases"]:
        if alias["AliasName"] == "alias/redact":
            client.delete_alias(AliasName="alias/redact")
    new_key(client, "create_alias")
    return client


def new_key(client, how="update_alias", **more) -> str:
    made = client.create_key(**more)["KeyMetadata"]["KeyId"]
    getattr(client, how)(AliasName="alias/redact", TargetKeyId=made)
    return made


class Answering(BaseHTTPRequestHandler):
    """Answers each request with what the server was told to."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.headers["X-Amz-Target"])
        status, told = self.server.answer
        if "DescribeKey" in self.headers["X-Amz-Target"]:
            status, told = 200, DESCRIBED
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


DESCRIBED = {
    "KeyMetadata": {
        "KeyId": "12345678-1234-1234-1234-1234567890ab", "KeyState": "Enabled", "CreationDate": 1.7e9,
        "Arn": "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-1234567890ab",
    }
}  # fmt: skip


@contextmanager
def answering(monkeypatch, code):
    server = HTTPServer(("127.0.0.1", 0), Answering)
    server.answer = 400, {"__type": code, "message": "Desmond Halloway"}
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name, value in {**STORE_KEYS, "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{server.server_port}"}.items():
        monkeypatch.setenv(name, value)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_what_was_wrapped_comes_back_with_what_it_is_bound_to_only(aws):
    keys = KmsKeys(ALIAS)
    secret = os.urandom(32)
    wrapped = keys.wrap(secret, b"call-1|k1")
    assert secret not in wrapped
    fresh = KmsKeys(ALIAS)  # nothing of it is in memory
    assert fresh.unwrap(keys.current, wrapped, b"call-1|k1") == secret
    for changed, bound in ((wrapped, b"call-2|k1"), (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"call-1|k1")):
        with pytest.raises(KeyMissing) as told:
            fresh.unwrap(keys.current, changed, bound)
        assert (told.value.exit_code, told.value.reason) == (ExitCode.KEY, master.KEY_CHANGED)
    master.check(fresh)


def test_a_key_is_not_opened_as_another_master_key_s(aws):
    keys = KmsKeys(ALIAS)
    wrapped = keys.wrap(bytes(32), b"x")
    new_key(aws)
    other = KmsKeys(ALIAS)
    assert other.current != keys.current
    with pytest.raises(KeyMissing):
        other.unwrap(other.current, wrapped, b"x")
    assert other.unwrap(keys.current, wrapped, b"x") == bytes(32)


@pytest.mark.parametrize("name", ["mrk-1234abcd12ab34cd56ef1234567890ab", "12345678-1234-1234-1234-1234567890ab"])
def test_an_id_of_either_kind_is_written_shorter_and_leads_back(name):
    assert service(f"aws-kms:{name}")
    short = kms._short(f"arn:aws:kms:eu-west-3:123456789012:key/{name}")
    assert len(short) == 26
    assert kms.shown(short) == name
    assert KmsKeys(ALIAS).holds(short)
    assert not KmsKeys(ALIAS).holds(master.new().current)


def test_ids_of_keys_fit_the_store_and_lead_back(aws):
    made = new_key(aws)
    current = KmsKeys(ALIAS).current
    assert len(current) <= 32
    assert kms.shown(current) == made
    assert KmsKeys(f"aws-kms:{made}").current == current
    arn = aws.describe_key(KeyId=made)["KeyMetadata"]["Arn"]
    assert KmsKeys(f"aws-kms:{arn}").current == current


@pytest.mark.parametrize(
    "named",
    ["aws-kms:", "aws-kms:redact", "aws-kms:alias/", "aws-kms:alias/a b", "aws-kms:arn:aws:s3:::x",
     "aws-kms:12345678-1234-1234-1234-1234567890aX", "aws-kms:../../etc/passwd", "aws-kmz:alias/redact", "vault:x"],
)  # fmt: skip
def test_what_names_no_key_is_refused(named):
    with pytest.raises(PolicyError) as told:
        service(named)
    assert "aws-kms:" in told.value.hint


@pytest.mark.parametrize("named", ["/etc/redact/master.keys", "master.keys", "./aws-kms:x", "keys/a:b"])
def test_a_path_names_a_file(named):
    assert service(named) is None


def test_unwrapped_keys_are_kept_for_a_while_and_no_longer(monkeypatch):
    with answering(monkeypatch, "") as server:
        server.answer = 200, {"CiphertextBlob": base64.b64encode(b"wrapped").decode(), "KeyId": "x"}
        now = [0.0]
        keys = KmsKeys(ALIAS, clock=lambda: now[0])
        wrapped = keys.wrap(b"k" * 32, b"x")
        server.answer = 200, {"Plaintext": base64.b64encode(b"k" * 32).decode(), "KeyId": "x"}
        asked = len(server.asked)
        for _ in range(3):
            assert keys.unwrap(keys.current, wrapped, b"x") == b"k" * 32
        assert len(server.asked) == asked
        now[0] = kms.KEPT_S + 1
        keys.unwrap(keys.current, wrapped, b"x")
        assert len(server.asked) == asked + 1
        for number in range(kms.MOST_KEPT + 10):
            keys._keep(("kms.x", b"%d" % number, b"x"), b"k")
        assert len(keys._kept) == kms.MOST_KEPT
        assert "kkkk" not in repr(keys) + repr(vars(keys)["_described"])


def test_a_recording_costs_one_request(monkeypatch, tmp_path, aws):
    asked = []
    keys = KmsKeys(ALIAS)
    _ = keys._client.meta.events.register("before-call.kms", lambda model, **_: asked.append(model.name))
    kept = DataKeys(connect(f"sqlite:///{tmp_path}/keyring.db", "keyring"), keys)
    for number in range(3):
        made = kept.made(f"call-{number}")
        assert kept.of(f"call-{number}") == made
    assert asked == ["DescribeKey", "Encrypt", "Encrypt", "Encrypt"]


@pytest.mark.parametrize("code", sorted(kms._WHY))
def test_what_is_refused_is_told_in_our_words(monkeypatch, code):
    with answering(monkeypatch, code):
        keys = KmsKeys(ALIAS)
        for refused in (lambda: keys.wrap(bytes(32), b"x"), lambda: keys.unwrap(keys.current, b"blob", b"x")):
            with pytest.raises(KeyMissing) as told:
                refused()
            assert told.value.exit_code == ExitCode.KEY
            assert told.value.hint
            assert "Halloway" not in f"{told.value} {told.value.hint}"


def test_what_passes_by_itself_is_no_missing_key(monkeypatch):
    monkeypatch.setattr(kms, "_TRIES", 1)
    for code in sorted(kms._LATER):
        with answering(monkeypatch, code), pytest.raises(CannotWrite):
            KmsKeys(ALIAS).wrap(bytes(32), b"x")


def test_a_network_that_is_gone_is_told_as_that(monkeypatch):
    monkeypatch.setattr(kms, "_TRIES", 1)
    for name, value in {**STORE_KEYS, "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CannotWrite) as told:
        _ = KmsKeys(ALIAS).current
    assert "network" in told.value.hint


@pytest.mark.parametrize("lacks", ["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"])
def test_credentials_or_a_region_that_lack_are_told(aws, monkeypatch, lacks, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(lacks)
    if lacks == "AWS_ACCESS_KEY_ID":
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(KeyMissing) as told:
        _ = KmsKeys(ALIAS).current
    assert "AWS_REGION" in told.value.hint


def test_a_library_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ModelMissing) as told:
        _ = KmsKeys(ALIAS).current
    assert "callredact[kms]" in told.value.hint


@pytest.mark.parametrize("made", [{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}])
def test_a_key_of_another_kind_is_refused(aws, made):
    new_key(aws, **made)
    with pytest.raises(PolicyError):
        _ = KmsKeys(ALIAS).current


# What the command line does with it.


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path).with_policy(originals="vault")


def with_kms(world: World) -> Path:
    """The settings of the world, but for master keys in KMS."""
    world.settings()
    text = (world.root / "redact.toml").read_text()
    file = world.root / "kms.toml"
    file.write_text(text.replace(f"{world.root}/master.keys", ALIAS))
    return file


def run(config: Path, *command: str):
    return CliRunner().invoke(cli, ["--config", str(config), *command], catch_exceptions=True)


def test_keys_move_to_kms_and_back_and_everything_opens_all_the_way(aws, world):
    world.add("a.wav", b"RIFF one")
    world.run()
    before, after = world.root / "redact.toml", with_kms(world)
    recording_id = world.rows()[0].recording_id
    assert isinstance(run(after, "audit", "verify").exception, KeyMissing)  # the keys are not there yet
    told = run(before, "keys", "move", ALIAS)
    assert told.exit_code == 0, told.output
    assert "keys wrapped anew" in told.output
    assert isinstance(run(before, "audit", "verify").exception, KeyMissing)
    assert run(after, "audit", "verify").exit_code == 0
    listed = run(after, "keys", "list").output.splitlines()
    assert len(listed) == 2
    assert listed[1].split()[0] == aws.describe_key(KeyId="alias/redact")["KeyMetadata"]["KeyId"]
    kept = Stores(load(after, environ={}))
    assert b"".join(kept.vault.opened(recording_id, "original")) == b"RIFF one"
    kept.close()
    back = run(after, "keys", "move", str(world.root / "other.keys"))
    assert back.exit_code == 0, back.output
    after.write_text(after.read_text().replace(ALIAS, f"{world.root}/other.keys"))
    assert run(after, "audit", "verify").exit_code == 0
    assert run(after, "keys", "move", f"{world.root}/other.keys").exception.exit_code == ExitCode.USAGE


def test_a_move_that_was_killed_half_way_is_run_again(aws, world, monkeypatch):
    from redact.stores import data_keys

    world.add("a.wav", b"RIFF one")
    world.run()
    for number in range(20):
        world.stores().keys.made(f"more-{number}")
    monkeypatch.setattr(data_keys, "BATCH", 3)
    calls = []

    class Dying(KmsKeys):
        def wrap(self, key, bound_to):
            calls.append(1)
            if len(calls) == 11:
                raise KeyboardInterrupt
            return super().wrap(key, bound_to)

    monkeypatch.setattr(kms, "KmsKeys", Dying)
    run(world.root / "redact.toml", "keys", "move", ALIAS)
    monkeypatch.setattr(kms, "KmsKeys", KmsKeys)
    wrapped = world.stores().keys.by_master()
    assert len(wrapped) == 2
    told = run(world.root / "redact.toml", "keys", "move", ALIAS)
    assert told.exit_code == 0, told.output
    kept = Stores(load(with_kms(world), environ={}))
    assert list(kept.keys.by_master()) == [KmsKeys(ALIAS).current]
    assert all(kept.keys.of(key.recording_id) for key in kept.keys.listed())
    kept.close()


def test_what_an_older_key_wraps_is_wrapped_by_the_one_the_alias_leads_to(aws, world):
    config = with_kms(world)
    assert run(config, "keys", "init").exit_code == 0
    old = KmsKeys(ALIAS).current
    new = new_key(aws)
    assert "elsewhere" in run(config, "keys", "list").output
    told = run(config, "keys", "rotate")
    assert told.exit_code == 0, told.output
    assert new in told.output
    kept = Stores(load(config, environ={}))
    assert old not in kept.keys.by_master()
    assert kept.audit.verify() >= 3
    kept.close()


def test_a_batch_with_keys_in_kms_and_one_that_is_disabled(aws, world):
    config = with_kms(world)

    def batch():
        made = World(world.root, policy=world.policy)
        made.settings = lambda: load(config, environ={})
        return made

    world.add("a.wav", b"RIFF one")
    assert batch().run()[0].states == {"done": 1}
    key = aws.describe_key(KeyId="alias/redact")["KeyMetadata"]["KeyId"]
    aws.disable_key(KeyId=key)
    world.add("b.wav", b"RIFF two")
    with pytest.raises(KeyMissing) as told:
        batch().run()
    assert told.value.exit_code == ExitCode.KEY
    assert "enable" in told.value.hint
    command = [sys.executable, "-m", "redact", "--config", str(config), "audit", "verify"]
    assert subprocess.run(command, capture_output=True).returncode == ExitCode.KEY
    aws.enable_key(KeyId=key)
    gone = {**os.environ, "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:9"}
    run_alone = subprocess.run(command, capture_output=True, text=True, env=gone)
    assert run_alone.returncode == ExitCode.CANNOT_WRITE
    assert "check the network" in run_alone.stderr
    assert batch().run()[0].states == {"done": 1}


def test_a_batch_with_a_local_key_asks_nobody(world, monkeypatch):
    """Without any network: no name of AWS is even looked up."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    world.add("a.wav", b"RIFF one")
    began = time.monotonic()
    assert world.run()[0].states == {"done": 1}
    assert time.monotonic() - began < 30
    script = (
        "import sys; from pathlib import Path; from redact.settings import load\n"
        "from redact.stores.opened import Stores\n"
        f"Stores(load(Path({str(world.root / 'redact.toml')!r}))).audit.verify(); print('boto3' in sys.modules)"
    )
    told = subprocess.run(["unshare", "-rn", sys.executable, "-c", script], capture_output=True, text=True)
    if "unshare" in told.stderr:
        pytest.skip("user namespaces are off here")
    assert told.stdout.strip() == "False", told.stderr
