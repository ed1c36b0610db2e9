"""What docs/operations hands to operations works: units, crontab, manifests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks" / "speed"))

from made import long_call

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "operations"
SAMPLE = FOLDER.parents[1] / "samples" / "en-hotel-booking-dtmf.wav"


def joined(name: str) -> str:
    return re.sub(r"\\\n\s*", "", (FOLDER / name).read_text())


@pytest.fixture
def machine(tmp_path):
    """A folder that stands for the machine's root."""
    for folder in ("srv/recordings", "etc/redact", "var/lib/redact", "opt/redact/bin", "credentials"):
        (tmp_path / folder).mkdir(parents=True)
    program = tmp_path / "opt/redact/bin/redact"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m redact "$@"\n')
    program.chmod(0o755)
    stores = {name: f"sqlite:///{tmp_path}/var/lib/redact/{name}.db" for name in ("records", "keyring", "ledger")}
    stores |= {"vault": f"{tmp_path}/var/lib/redact/vault", "audit_heads": f"{tmp_path}/var/lib/redact/heads.jsonl"}
    settings = "[stores]\n" + "".join(f'{name} = "{value}"\n' for name, value in stores.items())
    (tmp_path / "etc/redact/redact.toml").write_text('[defaults]\nmodel = "tiny.en"\n' + settings)
    long_call(SAMPLE, 10, tmp_path / "srv/recordings/C-1.wav")
    (tmp_path / "srv/recordings/calls.csv").write_text("file,call_id,queue\nC-1.wav,C-1,billing\n")
    return tmp_path


def rooted(command: str, root: Path) -> str:
    return re.sub(r"(?<![\w/])/(opt|etc|srv|var)/", rf"{root}/\1/", command)


def run(command: str, machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "REDACT_CACHE", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        ["sh", "-c", rooted(command, machine)], env=kept | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.models
@pytest.mark.slow
def test_the_service_runs_with_its_key_as_a_credential(machine):
    command = re.search(r"^ExecStart=(.*)$", joined("redact-batch.service"), re.MULTILINE)[1]
    program = machine / "opt/redact/bin/redact"
    key = machine / "key"
    (machine / "init.toml").write_text((machine / "etc/redact/redact.toml").read_text() + f'master_keys = "{key}"\n')
    subprocess.run([program, "--config", machine / "init.toml", "keys", "init"], check=True, capture_output=True)
    shutil.copy(key, machine / "credentials/redact-master-keys")
    (machine / "credentials/redact-master-keys").chmod(0o440)
    (machine / "calls.csv").write_text("call_id,person,lawful_basis\nC-1,0700,contract\n")
    subprocess.run(
        [program, "--config", machine / "init.toml", "consent", "import", machine / "calls.csv"],
        check=True, capture_output=True,
    )  # fmt: skip
    credentials = str(machine / "credentials")
    done = run(command, machine, CREDENTIALS_DIRECTORY=credentials, XDG_CONFIG_HOME=str(machine / "none"))
    assert done.returncode == 0, done.stderr
    assert '"done": 1' in done.stdout
    assert 'redact_batch_calls{state="done"} 1.0' in (machine / "var/lib/redact/redact.prom").read_text()


@pytest.mark.models
@pytest.mark.slow
def test_the_crontab_s_line_runs_and_keeps_its_log(machine):
    line = next(line for line in (FOLDER / "crontab").read_text().splitlines() if not line.startswith("#"))
    *when, user, command = line.split(None, 6)
    assert when == ["0", "22", "*", "*", "*"]
    assert user == "redact"
    assert "%" not in command  # cron would end the command there
    settings = machine / "etc/redact/redact.toml"
    settings.write_text(settings.read_text() + f'master_keys = "{machine}/key"\n')
    program = machine / "opt/redact/bin/redact"
    subprocess.run([program, "--config", settings, "keys", "init"], check=True, capture_output=True)
    done = run(command, machine)
    assert done.returncode == 1  # no lawful basis is on record
    assert '"refused": 1' in (machine / "var/lib/redact/batch.jsonl").read_text()


@pytest.mark.parametrize("unit", ["redact-batch.service", "redact-batch.timer"])
def test_systemd_understands_the_units(unit, machine):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    for name in ("redact-batch.service", "redact-batch.timer"):
        text = (FOLDER / name).read_text().replace("/opt/redact/bin/redact", str(machine / "opt/redact/bin/redact"))
        (machine / name).write_text(text.replace("User=redact", "User=daemon"))
    done = subprocess.run(["systemd-analyze", "verify", machine / unit], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if unit in line and "Failed to open" not in line]
    assert told == []


def test_the_job_of_kubernetes_gives_nothing_away():
    job = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_what_the_manifests_run_is_a_command_of_ours():
    from redact.cli.batch import run as command

    known = {name for option in command.params for name in option.opts}
    texts = [joined("redact-batch.service"), joined("crontab")]
    in_yaml = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    pod = in_yaml["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    options = {word for line in texts for word in re.findall(r"(?<= )--[a-z-]+", line.partition("batch run")[2])}
    options |= {word for word in pod["containers"][0]["args"] if word.startswith("--")}
    assert options <= known
