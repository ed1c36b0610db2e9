"""Stage, verify, publish: all names appear, with whole files, or nothing does."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from redact import publish
from redact.errors import CannotWrite, ExitCode
from redact.publish import Staged, cannot_write, check_targets

NOBODY = 65534
NAMES = ("call.redacted.wav", "call.redacted.json", "call.report.json")


@pytest.fixture(params=["unnamed", "hidden", "no links"])
def kind(request, monkeypatch):
    """Each kind of file system: with files without a name, without them, and without hard links as well."""

    def refuse(code):
        def call(*args, **kwargs):
            raise OSError(code, os.strerror(code))

        return call

    if request.param != "unnamed":
        real = os.open

        def no_unnamed(path, flags, *args, **kwargs):
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                refuse(errno.EOPNOTSUPP)()
            return real(path, flags, *args, **kwargs)

        monkeypatch.setattr(publish.os, "open", no_unnamed)
    if request.param == "no links":
        monkeypatch.setattr(publish.os, "link", refuse(errno.EPERM))
    return request.param


@pytest.fixture
def umask():
    old = os.umask(0o027)
    yield 0o027
    os.umask(old)


def put(staged, contents):
    for name, content in contents.items():
        staged.open(name).write(content)


def publish_all(folder, contents, *, force, meanwhile=lambda: None):
    with Staged(folder) as staged:
        put(staged, contents)
        meanwhile()
        staged.publish(force=force)


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("force", [False, True])
def test_files_appear_whole_and_in_order(tmp_path, kind, force, umask):
    contents = dict(zip(NAMES, (b"a" * 100_000, b"{}", b"report"), strict=True))
    with Staged(tmp_path) as staged:
        put(staged, contents)
        visible = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]
        assert visible == []
        assert (list(tmp_path.iterdir()) == []) == (kind == "unnamed")
        assert staged.publish(force=force) == tuple(tmp_path / name for name in NAMES)
    assert everything(tmp_path) == contents
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in NAMES} == {0o640}


@pytest.mark.parametrize("force", [False, True])
def test_private_files_are_their_owner_s_alone(tmp_path, kind, force):
    (tmp_path / "own.txt").write_text("before") if force else None
    with Staged(tmp_path, private=True) as staged:
        staged.open("own.txt").write(b"after")
        staged.publish(force=force)
    assert (tmp_path / "own.txt").read_text() == "after"
    assert stat.S_IMODE((tmp_path / "own.txt").stat().st_mode) == 0o600


def test_a_hidden_file_is_its_owner_s_alone(tmp_path, kind):
    with Staged(tmp_path) as staged:
        staged.open("call.wav").write(b"x")
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert modes == (set() if kind == "unnamed" else {0o600})


def test_what_was_written_can_be_read_before_it_is_published(tmp_path, kind):
    with Staged(tmp_path) as staged:
        file = staged.open("call.wav")
        file.write(b"0123456789")
        file.seek(3)
        assert file.read(4) == b"3456"
        file.seek(5)
        file.truncate()
        file.write(b"ABC")
        command = [sys.executable, "-c", "import sys; sys.stdout.write(open(sys.argv[1]).read())"]
        seen = subprocess.run([*command, staged.path("call.wav")], capture_output=True, text=True, check=True)
        assert seen.stdout == "01234ABC"
        staged.publish(force=False)
    assert everything(tmp_path) == {"call.wav": b"01234ABC"}


@pytest.mark.parametrize("how", ["left", "error", "closed"])
def test_abandoning_leaves_nothing(tmp_path, kind, how):
    target = tmp_path / "made" / "for it"
    try:
        with Staged(target) as staged:
            put(staged, dict.fromkeys(NAMES, b"x" * 10_000))
            if how == "closed":
                staged.open("another").close()
            if how == "error":
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_kept_when_published(tmp_path, kind):
    target = tmp_path / "a" / "b"
    with Staged(target) as staged:
        staged.open("x").write(b"1")
        staged.publish(force=False)
    assert everything(tmp_path) == {"a/b/x": b"1"}


def test_a_made_folder_that_somebody_uses_is_left(tmp_path):
    with Staged(tmp_path / "a" / "b"):
        (tmp_path / "a" / "theirs").write_bytes(b"1")
    assert everything(tmp_path) == {"a/theirs": b"1"}
    assert not (tmp_path / "a" / "b").exists()


@pytest.mark.parametrize("in_the_way", NAMES)
def test_an_existing_file_is_kept_and_nothing_appears_beside_it(tmp_path, kind, in_the_way):
    comes_late = (tmp_path / in_the_way).write_bytes  # after any early check
    with pytest.raises(CannotWrite) as caught:
        publish_all(tmp_path, dict.fromkeys(NAMES, b"new"), force=False, meanwhile=lambda: comes_late(b"old"))
    assert everything(tmp_path) == {in_the_way: b"old"}
    assert caught.value.exit_code == ExitCode.CANNOT_WRITE
    assert f"the {in_the_way.removeprefix('call')} output exists already" in caught.value.message
    assert "call" not in caught.value.message  # it may be a name
    assert "--force" in caught.value.hint


def test_force_replaces(tmp_path, kind):
    (tmp_path / NAMES[1]).write_bytes(b"old")
    (tmp_path / "other").write_bytes(b"other")
    publish_all(tmp_path, dict.fromkeys(NAMES, b"new"), force=True)
    assert everything(tmp_path) == {**dict.fromkeys(NAMES, b"new"), "other": b"other"}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_the_way_is_not_followed(tmp_path, kind, force, dangling):
    folder, victim = tmp_path / "out", tmp_path / "victim"
    folder.mkdir()
    if not dangling:
        victim.write_bytes(b"precious")
    (folder / "x").symlink_to(victim)
    with Staged(folder) as staged:
        staged.open("x").write(b"new")
        if force:
            staged.publish(force=True)
            assert not (folder / "x").is_symlink()
            assert (folder / "x").read_bytes() == b"new"
        else:
            with pytest.raises(CannotWrite):
                staged.publish(force=False)
            assert (folder / "x").is_symlink()
    assert victim.exists() != dangling
    assert dangling or victim.read_bytes() == b"precious"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_in_the_way_is_not_replaced(tmp_path, kind, force):
    (tmp_path / "x").mkdir()
    with pytest.raises(CannotWrite) as caught:
        publish_all(tmp_path, {"x": b"new"}, force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert "the output" in caught.value.message


@pytest.mark.parametrize("force", [False, True])
def test_an_interrupt_while_publishing_takes_back_or_completes_a_file(tmp_path, kind, force, monkeypatch):
    (tmp_path / NAMES[0]).write_bytes(b"old")
    if not force:
        (tmp_path / NAMES[0]).unlink()
    call = "replace" if force else "rename" if kind == "no links" else "link"
    real, calls = getattr(os, call), []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            real(*args, **kwargs)
            raise KeyboardInterrupt
        real(*args, **kwargs)

    monkeypatch.setattr(publish.os, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish_all(tmp_path, dict.fromkeys(NAMES, b"new"), force=force)
    # With force what was replaced can't come back: whole files, none of them hidden.
    assert everything(tmp_path) == (dict.fromkeys(NAMES[:2], b"new") if force else {})


@pytest.mark.parametrize("force", [False, True])
def test_bytes_are_on_the_disk_before_the_first_name_and_names_at_the_end(tmp_path, kind, force, monkeypatch):
    made, folder = [], tmp_path / "new"

    def noting(call):
        real = getattr(os, call)

        def noted(*args, **kwargs):
            is_folder = call == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)
            made.append("folder" if is_folder else "bytes" if call == "fsync" else "name")
            return real(*args, **kwargs)

        return noted

    for call in ("fsync", "link", "rename", "replace"):
        monkeypatch.setattr(publish.os, call, noting(call))
    publish_all(folder, dict.fromkeys(NAMES, b"x"), force=force)
    assert made[:3] == ["bytes"] * 3
    assert set(made[3:-2]) == {"name"}
    assert made[-2:] == ["folder", "folder"]  # the new folder, and the one that it is new in


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0b"])
def test_names_of_other_places_are_refused(tmp_path, name):
    with Staged(tmp_path) as staged, pytest.raises(ValueError, match="name"):
        staged.open(name)


def test_a_file_can_get_another_name_before_it_is_published(tmp_path, kind):
    with Staged(tmp_path) as staged:
        staged.open("call").write(b"sound")
        staged.rename("call", "call.wav")
        staged.open("call.txt").write(b"text")
        assert staged.path("call.wav").read_bytes() == b"sound"
        for taken in ("call.wav", "a/b"):
            with pytest.raises(ValueError, match="name"):
                staged.rename("call.txt", taken)
        assert [path.name for path in staged.publish(force=False)] == ["call.wav", "call.txt"]
    assert everything(tmp_path) == {"call.wav": b"sound", "call.txt": b"text"}


def test_a_name_is_used_once(tmp_path):
    with Staged(tmp_path) as staged:
        staged.open("x")
        with pytest.raises(ValueError, match="name"):
            staged.open("x")


def test_a_name_too_long_for_the_disk(tmp_path, kind):
    name = "é" * 150
    with pytest.raises(CannotWrite):
        publish_all(tmp_path, {name: b"x"}, force=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CannotWrite) as caught:
        check_targets(tmp_path, [name], force=False)
    assert "shorter" in caught.value.hint


def test_the_folder_is_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CannotWrite), Staged(folder):
            pass
        with pytest.raises(CannotWrite):
            check_targets(folder, NAMES, force=False)
    assert everything(tmp_path) == {"file": b"x"}


def test_the_folder_is_a_dangling_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CannotWrite), Staged(tmp_path / "link"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_the_folder_vanishes(tmp_path, kind):
    folder = tmp_path / "out"
    with pytest.raises(CannotWrite):
        publish_all(folder, {"x": b"1"}, force=False, meanwhile=lambda: shutil.rmtree(folder))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("existing", "force", "says"),
    [
        ((), False, None),
        ((), True, None),
        ((NAMES[2],), True, None),
        ((NAMES[2],), False, "the .report.json output"),
        (("unrelated",), False, None),
    ],
)
def test_targets_are_checked_early(tmp_path, existing, force, says):
    for name in existing:
        (tmp_path / name).write_bytes(b"old")
    if says is None:
        check_targets(tmp_path, NAMES, force=force)
    else:
        with pytest.raises(CannotWrite) as caught:
            check_targets(tmp_path, NAMES, force=force)
        assert says in caught.value.message
        assert "--force" in caught.value.hint
    assert sorted(everything(tmp_path)) == sorted(existing)


def test_targets_in_a_folder_to_be_made(tmp_path):
    check_targets(tmp_path / "a" / "b", NAMES, force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_target_may_be_a_dangling_link_and_not_a_folder(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(CannotWrite):
        check_targets(tmp_path, ["link"], force=False)
    check_targets(tmp_path, ["link"], force=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite):
        check_targets(tmp_path, ["folder"], force=True)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EFBIG, "limit"),
        (errno.EACCES, "may write"),
        (errno.EROFS, "can be written"),
        (errno.EEXIST, "--force"),
        (errno.EIO, "check the disk"),
        (None, "check the disk"),
    ],
)
def test_each_error_says_what_to_do(code, says):
    error = cannot_write(OSError(code, "secret text") if code else OSError("secret text"), "secret.7 text.wav")
    assert error.exit_code == 11
    assert "the .wav output" in error.message
    assert "secret" not in error.message
    assert says in error.hint


# What follows happens in a process of its own: with its own user, its own limits, its own end.

PRELUDE = """
import os, resource, sys
from pathlib import Path
from redact.errors import CannotWrite
from redact.publish import Staged, check_targets
folder = Path(sys.argv[1])
"""
REPORT = """
except CannotWrite as error:
    print("CannotWrite:", error.message, "/", error.hint)
"""


def run(script, folder, **options):
    command = [sys.executable, "-c", PRELUDE + script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


@pytest.fixture
def open_folder():
    """A folder that any user can reach, unlike `tmp_path`."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


BECOME_NOBODY = f"""
if os.getuid() == 0:
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "Staged(folder).__enter__().open('x')",
        "Staged(folder / 'new').__enter__()",
        "check_targets(folder, ['x'], force=False)",
        "check_targets(folder / 'new', ['x'], force=True)",
    ],
)
def test_a_folder_of_somebody_else(open_folder, attempt):
    open_folder.chmod(0o555)
    said = run(BECOME_NOBODY + f"try:\n    {attempt}" + REPORT, open_folder)
    open_folder.chmod(0o755)
    assert said.startswith("CannotWrite: can't write")
    assert "permission denied" in said
    assert "-o" in said
    assert list(open_folder.iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
def test_anybody_can_publish_in_his_own_folder(open_folder, force):
    open_folder.chmod(0o777)
    script = f"""
os.umask(0o022)
with Staged(folder / "mine") as staged:
    staged.open("x").write(b"1")
    staged.publish(force={force})
"""
    assert run(BECOME_NOBODY + script, open_folder) == ""
    assert everything(open_folder) == {"mine/x": b"1"}


@pytest.mark.parametrize("where", ["write", "flush"])
def test_a_disk_that_takes_no_more(tmp_path, where):
    size = 100_000 if where == "write" else 5_000
    script = f"""
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with Staged(folder / "new") as staged:
        staged.open("call.wav").write(bytes({size}))
        staged.open("report").write(b"report")
        staged.publish(force=False)
"""
    said = run(script + REPORT, tmp_path)
    assert said.startswith("CannotWrite: can't write the .wav output: file too large")
    assert list(tmp_path.iterdir()) == []


def private_mount(options, script, folder):
    """Run the script with a small file system of its own mounted on the folder; None where that isn't permitted."""
    shell = f'mount -t tmpfs -o {options} none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "sh", "-c", shell, "sh", str(folder), sys.executable, PRELUDE + script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.strip()


FULL = """
try:
    with Staged(folder) as staged:
        staged.open("call.wav").write(bytes(1 << 20))
        staged.publish(force=False)
"""


@pytest.mark.parametrize(
    ("options", "script", "says"),
    [
        ("size=64k", FULL, "no space left"),
        ("ro", FULL, "read-only"),
        ("ro", "try:\n    check_targets(folder, ['x'], force=False)", "can't write"),
    ],
)
def test_a_full_or_read_only_file_system(tmp_path, options, script, says):
    said = private_mount(options, script + REPORT + "\nprint(os.listdir(folder))", tmp_path)
    if said is None:
        pytest.skip("mounting is not permitted here")
    assert said.startswith("CannotWrite: can't write")
    assert says in said
    assert said.endswith("[]")


def test_a_killed_process_leaves_nothing(tmp_path):
    script = """
with Staged(folder) as staged:
    staged.open("call.wav").write(bytes(1 << 20))
    staged.open("report").write(b"report")
    print("written", flush=True)
    sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    left = list(tmp_path.iterdir())
    assert [path for path in left if not path.name.startswith(".")] == []
    if supports_unnamed(tmp_path):
        assert left == []


def supports_unnamed(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("force", [False, True])
def test_killed_at_any_moment_nothing_is_torn(tmp_path, force):
    """Killed before each system call of publishing in turn, until it comes to its end."""
    script = f"""
import redact.publish as publish
at, calls = int(sys.argv[2]), 0
def killing(real):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    return call
for name in ("fsync", "link", "replace", "unlink"):
    setattr(publish.os, name, killing(getattr(os, name)))
with Staged(folder) as staged:
    for name in {NAMES!r}:
        staged.open(name).write(b"new" * 10_000)
    staged.publish(force={force})
"""
    for at in range(1, 20):
        folder = tmp_path / str(at)
        folder.mkdir()
        if force:
            (folder / NAMES[0]).write_bytes(b"old")
        command = [sys.executable, "-c", PRELUDE + script, str(folder), str(at)]
        done = subprocess.run(command, check=False, capture_output=True)
        found = {name: content for name, content in everything(folder).items() if not name.startswith(".")}
        whole = [b"old", b"new" * 10_000] if force else [b"new" * 10_000]
        assert all(content in whole for content in found.values())
        assert NAMES[2] not in found or len(found) == 3  # the last name vouches for the others
        if done.returncode == 0:
            assert set(found.values()) == {b"new" * 10_000}
            break
        assert done.returncode == -signal.SIGKILL
    else:
        pytest.fail("it never came to its end")
