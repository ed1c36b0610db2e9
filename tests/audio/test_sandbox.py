"""Each protection of the decoder's process bites by itself, as root and as nobody; where one lacks, that is told."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redact.audio import sandbox
from redact.audio.decoder import protections

SOURCE = Path(sandbox.__file__).read_text()
NOBODY = 65534
# The sandbox is pasted into the program, as nobody may be unable to read this checkout.
PROGRAM = """
import errno, os, signal, socket, sys, time
{source}
kept = os.open("/dev/null", os.O_RDWR)
{taken}
try:
    {attempt}
except MemoryError:
    print("MemoryError")
except OSError as error:
    print(errno.errorcode[error.errno])
else:
    print("done")
"""
NOTHING = "pass"
NETWORK = "leave_network()"
CALLS = "give_up_privileges(); filter_system_calls()"
LIMITS = "limit_resources(1, _memory_in_use() + (1 << 28))"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux's own means")
X86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the filter is for x86-64")

CONNECT = "socket.create_connection(('127.0.0.1', {port}), 2)"
SOCKET = "socket.socket()"
OPEN = "os.open('/etc/passwd', os.O_RDONLY)"
REOPEN = "os.close(kept); os.open('/etc/passwd', os.O_RDONLY)"
FORK = "os.fork() or os._exit(0)"
EXECUTE = "os.execv('/bin/true', ['true'])"
ALLOCATE = "bytearray(4 << 30)"
WRITE = "os.write(kept, b'x')"


def interpreter(user):
    """One that this user can run: root's own may lie in a folder that is closed to others."""
    for path in (Path(sys.executable).resolve(), Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
        try:
            if subprocess.run([path, "-c", ""], user=user, capture_output=True, cwd="/").returncode == 0:
                return path
        except OSError:
            continue
    pytest.skip("no interpreter that this user can run")
    return None


def attempted(taken, attempt, user=None):
    """What came of it: an error's name, "done", or the signal that ended it."""
    program = PROGRAM.format(source=SOURCE.replace('"""What', '"""\nWhat', 1), taken=taken, attempt=attempt)
    command = [interpreter(user), "-I", "-c", program]
    run = subprocess.run(command, user=user, capture_output=True, text=True, cwd="/", timeout=60)
    return run.stdout.split("\n")[0] if run.returncode >= 0 else f"signal {-run.returncode}"


@pytest.fixture(params=["as we are", "as nobody"])
def user(request):
    if request.param == "as we are":
        return None
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    return NOBODY


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@LINUX
@pytest.mark.parametrize("attempt", [SOCKET, OPEN, REOPEN, FORK, WRITE, "bytearray(1 << 26)"])
def test_all_of_it_works_outside(attempt, user):
    assert attempted(NOTHING, attempt, user) == "done"


@LINUX
def test_no_network(user, port):
    assert attempted(NOTHING, CONNECT.format(port=port), user) == "done"
    if not protections()["network"]:
        pytest.skip("user namespaces are off here")
    assert attempted(NETWORK, CONNECT.format(port=port), user) in ("ENETUNREACH", "ECONNREFUSED")


@LINUX
@X86_64
@pytest.mark.parametrize(
    "attempt",
    [
        SOCKET, OPEN, REOPEN, FORK, EXECUTE, "os.unlink('/tmp/redact-no-such-file')", "os.kill(os.getppid(), 0)",
        "os.listdir('/')", "os.pipe()", "os.chmod('/etc/passwd', 0o644)", "os.setuid(0)",
    ],
)  # fmt: skip
def test_the_filter_leaves_no_way_out(attempt, user):
    assert attempted(CALLS, attempt, user) == "EPERM"


@LINUX
@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        (SOCKET, "EMFILE"), (OPEN, "EMFILE"), (ALLOCATE, "MemoryError"),
        ("[0 for each in iter(int, 1) if each]", "signal 24"),  # a second of CPU time, then SIGXCPU
    ],
)  # fmt: skip
def test_limits_hold(attempt, outcome, user):
    got = attempted(LIMITS, attempt, user)
    # Where the soft limit is the hard one too, the kernel kills at once.
    assert got == outcome or (outcome == "signal 24" and got == "signal 9")


@LINUX
def test_a_limit_on_processes_holds_for_all_but_root():
    if os.geteuid() == 0:
        assert attempted(LIMITS, FORK, NOBODY) == "EAGAIN"
    else:
        assert attempted(LIMITS, FORK) == "EAGAIN"


@LINUX
def test_not_a_byte_goes_into_a_file(tmp_path):
    file = tmp_path / "out"
    file.touch()
    before = f"kept = os.open({str(file)!r}, os.O_WRONLY)"
    assert attempted(f"{before}; {LIMITS}", WRITE) == "EFBIG"
    assert attempted(before, WRITE) == "done"
    assert file.read_bytes() == b"x"


@LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that gives root's rights")
def test_no_rights_are_gained(tmp_path_factory):
    folder = Path("/var/tmp") / f"redact-test-{os.getpid()}"  # noqa: S108  pytest's own folder is closed to others
    folder.mkdir(mode=0o755)
    try:
        program = folder / "id"
        shutil.copy("/usr/bin/id", program)
        program.chmod(0o4755)
        run = f"os.execv({str(program)!r}, ['id', '-u'])"
        if attempted(NOTHING, run, NOBODY) != "0":
            pytest.skip("set-user-ID programs don't work here at all")
        assert attempted("give_up_privileges()", run, NOBODY) == str(NOBODY)
    finally:
        shutil.rmtree(folder)


@LINUX
def test_it_dies_with_its_parent():
    child = f"import sys, time\n{SOURCE}\nenter(9, 1 << 28)\nprint(os.getpid(), flush=True)\nwhile True: pass"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", parent, child], stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        process.kill()
    deadline = time.monotonic() + 5  # before its limit of CPU time would end it
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def in_a_world_without_namespaces(*command):
    """A user namespace in which no further one may be made, nor one of a network."""
    script = (
        "echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_net_namespaces && "
        'exec "$0" "$@"'
    )  # fmt: skip
    return subprocess.run(["unshare", "-Ur", "sh", "-c", script, *command], capture_output=True, text=True)


@pytest.fixture
def namespaces():
    if shutil.which("unshare") is None or in_a_world_without_namespaces("true").returncode != 0:
        pytest.skip("user namespaces are off here: the other tests have shown what then holds")


@LINUX
def test_without_namespaces_it_decodes_and_the_doctor_says_what_is_lacking(namespaces):
    call = Path(__file__).parents[2] / "samples" / "en-card-payment.wav"
    program = f"""
from pathlib import Path
from redact.audio.decode import decode
from redact.audio.decoder import protections
print(decode(Path({str(call)!r})).recording.samples)
print([name for name, there in protections().items() if not there])
"""
    run = in_a_world_without_namespaces(sys.executable, "-c", program)
    samples, lacking = run.stdout.splitlines()
    assert int(samples) > 0
    assert lacking == "['network']" if os.uname().machine == "x86_64" else "network" in lacking
    run = in_a_world_without_namespaces(sys.executable, "-m", "redact", "doctor")
    assert "LACKING  a network of its own" in run.stdout
    assert "user.max_user_namespaces" in run.stdout


def test_the_doctor_tells_all_protections():
    run = subprocess.run([sys.executable, "-m", "redact", "doctor"], capture_output=True, text=True)
    told = run.stdout.split("what keeps the decoder from doing harm")[1].splitlines()[1:]
    assert len(told) == len(protections()) == len(sandbox.PROTECTIONS)
    for line, there in zip(told, protections().values(), strict=True):
        assert line.startswith("  ok " if there else "  LACKING ")
