import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from models_world import FILES, SPACY_FILES, WEIGHTS, World, leftovers, make_package

from redact.errors import ModelMissing
from redact.models import Damaged, ModelFiles, NotHere, locate, pull, verify
from redact.models.cache import publish


def find(world: World, name: str = "joined", engine: str = "faster-whisper") -> ModelFiles:
    return locate(name, engine=engine, cache=world.cache, registry=world.registry)


def states(world: World, *names: str, thorough: bool = True) -> dict[str, str]:
    results = verify(names, cache=world.cache, registry=world.registry, thorough=thorough)
    return {result.model.name: result.state for result in results}


def flip(path: Path, *, keep_mtime: bool = False) -> None:
    """Flips one bit; the size stays."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + (0 if keep_mtime else 1_000_000)))


def test_parts_are_joined_once(world: World) -> None:
    found = find(world)
    assert {path.name: path.read_bytes() for path in found.path.iterdir()} == FILES
    assert found.path == world.cache / "models/joined"
    assert (found.pinned, found.name, found.recorded) == (True, "joined", None)
    assert found.size_bytes == sum(map(len, FILES.values()))
    assert leftovers(world.cache) == []

    inode = (found.path / "model.bin").stat().st_ino
    shutil.rmtree(world.site)  # what was joined and checked needs its packages no longer
    assert find(world) == found
    assert (found.path / "model.bin").stat().st_ino == inode


def test_a_model_in_one_package_is_used_in_place(world: World) -> None:
    found = find(world, "whole")
    assert found.path == world.site / "whole/model"
    assert not (world.cache / "models").exists()
    assert found.digest == find(world).digest, "the same files have the same digest wherever they lie"
    assert find(world, "whole-fr", "spacy").path == world.site / "whole_fr/whole_fr-1.0"


def test_no_path_shows_by_itself(world: World) -> None:
    assert str(world.site) not in repr(find(world, "whole"))


def test_covering_a_language(world: World) -> None:
    found = find(world)
    assert found.covers("fr")
    assert found.covers("en")


@pytest.mark.parametrize("gone", ["parts-a", "parts-b", "both"])
def test_a_package_that_is_not_installed(world: World, gone: str) -> None:
    for name in ("parts_a", "parts_b"):
        if gone in (name.replace("_", "-"), "both"):
            for path in world.site.glob(f"{name}*"):
                shutil.rmtree(path)
    with pytest.raises(NotHere) as caught:
        find(world)
    assert caught.value.exit_code == 4
    assert 'pip install "callredact[models]"' in caught.value.hint
    assert "--model FOLDER" in caught.value.hint
    assert states(world)["joined"] == "not installed"
    assert not world.cache.exists() or leftovers(world.cache) == []


@pytest.mark.parametrize("version", ["1.0.1", "0.9", "2.0.0", "1.0.0.post1", "1.0.0+local"])
@pytest.mark.parametrize("name", ["joined", "whole"])
def test_another_version_is_refused(world: World, name: str, version: str) -> None:
    package = {"joined": "parts-a", "whole": "whole"}[name]
    make_package(world.site, package, version, {})
    with pytest.raises(NotHere, match=f"{version.replace('+', '.')} is installed") as caught:
        find(world, name)
    assert f"{package}==1.0" in caught.value.hint
    assert "--model FOLDER" in caught.value.hint
    assert states(world, name) == {name: "not installed"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("joined", "parts_a/data/model.bin.part1"),
        ("joined", "parts_b/data/model.bin.part2"),
        ("joined", "parts_b/data/config.json"),
        ("whole", "whole/model/model.bin"),
        ("whole", "whole/model/config.json"),
        ("whole-fr", "whole_fr/whole_fr-1.0/ner/model"),
    ],
)
@pytest.mark.parametrize("how", ["flipped", "gone", "shortened", "emptied", "a folder"])
def test_a_damaged_package_is_refused(world: World, name: str, part: str, how: str) -> None:
    path = world.site / part
    if how == "flipped":
        flip(path)
    elif how in ("shortened", "emptied"):
        path.write_bytes(path.read_bytes()[:-1] if how == "shortened" else b"")
    else:
        path.unlink()
    if how == "a folder":
        path.mkdir()
    engine = world.registry.get(name).engine
    for act in (lambda: find(world, name, engine), lambda: pull(name, cache=world.cache, registry=world.registry)):
        with pytest.raises(Damaged, match=f"the model {name} is damaged or was changed") as caught:
            act()
        assert caught.value.exit_code == 4
        assert "--force-reinstall" in caught.value.hint
    assert states(world, name) == {name: "damaged"}
    assert not (world.cache / "models").exists()
    assert leftovers(world.cache) == []


def test_a_joined_model_that_was_changed_is_refused_and_mended(world: World) -> None:
    found = find(world)
    flip(found.path / "model.bin")
    with pytest.raises(Damaged, match=r"model\.bin does not have the recorded sha256") as caught:
        find(world)
    assert caught.value.hint == "mend it: redact models pull joined"
    assert states(world, thorough=False)["joined"] == "damaged"

    assert pull("joined", cache=world.cache, registry=world.registry) == found
    assert (found.path / "model.bin").read_bytes() == WEIGHTS
    assert find(world) == found
    assert leftovers(world.cache) == []


def test_a_change_that_keeps_size_and_time_is_found_by_verify_only(world: World) -> None:
    found = find(world)
    flip(found.path / "model.bin", keep_mtime=True)
    assert find(world) == found
    assert states(world, thorough=False)["joined"] == "ready"
    assert states(world, thorough=True)["joined"] == "damaged"


@pytest.mark.parametrize("name", ["preprocessor_config.json", "vocabulary.txt"])
def test_a_file_that_the_engine_would_read_too_is_refused(world: World, name: str) -> None:
    (find(world).path / name).write_text("{}")
    with pytest.raises(Damaged, match=f"{name} is too many"):
        find(world)


def test_files_that_no_engine_reads_do_not_matter(world: World) -> None:
    found = find(world)
    (found.path / "notes.md").write_text("mine")
    spacy = find(world, "whole-fr", "spacy")
    for name in (".DS_Store", "__pycache__/x.pyc", "accuracy.json"):
        (spacy.path / name).parent.mkdir(exist_ok=True)
        (spacy.path / name).write_text("{}")
    assert find(world) == found
    assert find(world, "whole-fr", "spacy") == spacy
    (spacy.path / "ner/more").write_text("{}")
    with pytest.raises(Damaged, match="ner/more is too many"):
        find(world, "whole-fr", "spacy")


def test_the_state_of_all(world: World) -> None:
    assert states(world) == {"joined": "ready", "whole": "ready", "far": "not pulled", "whole-fr": "ready"}
    assert not (world.cache / "models").exists(), "looking joins nothing"
    first = verify(["joined"], cache=world.cache, registry=world.registry)[0]
    assert (first.detail, first.files) == ("its parts are joined at first use", None)
    find(world)
    second = verify(["joined"], cache=world.cache, registry=world.registry)[0]
    assert (second.detail, second.files) == ("", find(world))
    with pytest.raises(ModelMissing):
        states(world, "joined", "no-such-model")


def test_a_quick_look_notices_parts_of_the_wrong_length(world: World) -> None:
    (world.site / "parts_a/data/model.bin.part1").write_bytes(b"")
    assert states(world, "joined", thorough=False) == {"joined": "damaged"}


# --- a folder of the user's own


def own_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "own" / name).write_bytes(data)
    return root / "own"


def test_a_whisper_folder_of_ones_own(world: World, tmp_path: Path) -> None:
    folder = own_folder(tmp_path, FILES)
    found = find(world, str(folder))
    assert (found.path, found.name, found.pinned, found.languages) == (folder, "own", False, ("*",))
    assert found.digest == find(world).digest
    flip(folder / "model.bin")
    assert find(world, str(folder)).digest != found.digest


def test_a_spacy_folder_of_ones_own(world: World, tmp_path: Path) -> None:
    found = find(world, str(own_folder(tmp_path, SPACY_FILES)), "spacy")
    assert (found.languages, found.pinned, found.engine) == (("fr",), False, "spacy")
    assert found.digest == find(world, "whole-fr", "spacy").digest


@pytest.mark.parametrize(
    ("tokens", "languages"), [(51864, ("en",)), (51865, ("*",)), (51866, ("*",))], ids=["en", "multi", "v3"]
)
@pytest.mark.parametrize("kind", ["json", "txt"])
def test_an_english_only_whisper_is_known_by_its_vocabulary(
    world: World, tmp_path: Path, kind: str, tokens: int, languages: tuple[str, ...]
) -> None:
    words = ["<x>"] * tokens
    text = json.dumps(words) if kind == "json" else "\n".join(words) + "\n"
    files = {name: data for name, data in FILES.items() if not name.startswith("vocab")}
    folder = own_folder(tmp_path, {**files, f"vocabulary.{kind}": text.encode()})
    assert find(world, str(folder)).languages == languages


@pytest.mark.parametrize("lacks", sorted(FILES))
def test_a_whisper_folder_that_lacks_a_file(world: World, tmp_path: Path, lacks: str) -> None:
    folder = own_folder(tmp_path, {name: data for name, data in FILES.items() if name != lacks})
    with pytest.raises(ModelMissing, match=f"lacks {lacks}") as caught:
        find(world, str(folder))
    assert "vocabulary.json or vocabulary.txt" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("vocabulary.json", b"{"),
        ("vocabulary.json", b"7"),
        ("vocabulary.json", b"\xff"),
        ("meta.json", b"[]"),
        ("meta.json", b'{"name": "x"}'),
    ],
)
def test_a_folder_with_senseless_files(world: World, tmp_path: Path, name: str, data: bytes) -> None:
    spacy = name == "meta.json"
    folder = own_folder(tmp_path, {**(SPACY_FILES if spacy else FILES), name: data})
    with pytest.raises(ModelMissing, match="make no sense"):
        find(world, str(folder), "spacy" if spacy else "faster-whisper")


@pytest.mark.parametrize("where", ["/no/such/folder", "./nowhere", "~/nowhere-at-all", ".", "models.toml/", "a/\0b"])
def test_a_folder_that_is_none(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/models.toml").touch()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ModelMissing) as caught:
        find(world, where)
    assert caught.value.exit_code == 4
    assert "model.bin" in caught.value.hint


def test_a_name_of_the_registry_comes_before_a_folder(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_folder(tmp_path, FILES).rename(tmp_path / "joined")
    monkeypatch.chdir(tmp_path)
    assert find(world, "joined").pinned
    assert not find(world, "./joined").pinned
    (tmp_path / "joined").rename(tmp_path / "mine")
    assert find(world, "mine").name == "mine"


@pytest.mark.parametrize("name", ["", "\0", "joined ", "JOINED"])
def test_a_name_that_is_none(world: World, name: str) -> None:
    with pytest.raises(ModelMissing, match="there is no model called"):
        find(world, name)


# --- the cache of another user, full disks, several processes


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can enter; those of pytest are closed."""
    folder = Path(tempfile.mkdtemp(prefix="redact-models-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(action: Callable[[], None]) -> str:
    """Runs the action in a child without root's rights; returns `ok` or what it raised."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        outcome = "ok"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            action()
        except BaseException as error:  # the child may not return into pytest
            outcome = f"{type(error).__name__}: {error} [{getattr(error, 'hint', '')}]"
        os.write(write, outcome.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read().decode()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    modes = [path.stat().st_mode for path in folders]
    for path in folders:
        path.chmod(0o555)
    yield
    for path, mode in zip(folders, modes, strict=True):
        path.chmod(mode)


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_read_only_cache_of_another_user_works_and_is_hashed(world: World, open_folder: Path) -> None:
    cache = open_folder / "cache"
    shutil.copytree(world.site, open_folder / "site")
    sys.path[0] = str(open_folder / "site")
    found = locate("joined", engine="faster-whisper", cache=cache, registry=world.registry)
    for stamp in (cache / "stamps").iterdir():
        stamp.unlink()

    def use() -> None:
        with contextlib.suppress(OSError):
            (cache / "stamps" / "probe").touch()
            raise AssertionError("the cache can be written after all")
        again = locate("joined", engine="faster-whisper", cache=cache, registry=world.registry)
        assert again == found
        assert not list((cache / "stamps").iterdir())
        locate("whole", engine="faster-whisper", cache=cache, registry=world.registry)

    with read_only(cache):
        assert as_nobody(use) == "ok"
        flip(found.path / "model.bin", keep_mtime=True)
        assert as_nobody(use).startswith("Damaged: the model joined is damaged")


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_joining_into_a_cache_that_can_not_be_written(world: World, open_folder: Path, mode: int) -> None:
    cache = open_folder / "cache"
    cache.mkdir()
    shutil.copytree(world.site, open_folder / "site")
    sys.path[0] = str(open_folder / "site")
    verify(cache=world.cache, registry=world.registry)  # loads what the child may have no right to read

    def join() -> None:
        locate("joined", engine="faster-whisper", cache=cache, registry=world.registry)

    cache.chmod(mode)
    outcome = as_nobody(join)
    cache.chmod(0o755)
    assert outcome.startswith("CannotWrite: the models cache can't be written (Permission denied)")
    assert "REDACT_CACHE" in outcome
    assert not list(cache.iterdir())


IN_A_PROCESS = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
limit = int(sys.argv[4])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from redact.errors import RedactError
from redact.models import Registry, locate
sys.stdin.readline()
registry, cache = Registry.load(Path(sys.argv[2])), Path(sys.argv[3])
try:
    print(locate("joined", engine="faster-whisper", cache=cache, registry=registry).digest)
except RedactError as error:
    print(type(error).__name__, error.hint)
assert not any(name.startswith(("huggingface_hub", "parts_", "numpy")) for name in sys.modules)
"""


def processes(world: World, tmp_path: Path, count: int, limit: int = 0) -> list[str]:
    arguments = [world.site, tmp_path / "models.toml", world.cache, str(limit)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", IN_A_PROCESS, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    outcomes = [process.communicate()[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * count
    return outcomes


def test_processes_that_join_at_once(world: World, tmp_path: Path) -> None:
    outcomes = processes(world, tmp_path, 4)
    assert set(outcomes) == {find(world).digest}
    assert leftovers(world.cache) == []
    assert {path.name for path in (world.cache / "models").iterdir()} == {"joined"}


def test_who_waited_for_another_to_join_does_not_join_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[Path] = []

    def spy(staged: Path, target: Path) -> None:
        published.append(target)
        time.sleep(0.2)  # the others come to the lock meanwhile
        publish(staged, target)

    monkeypatch.setattr("redact.models.find.publish", spy)
    threads = [threading.Thread(target=find, args=(world,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert published == [find(world).path]


def test_a_full_disk(world: World, tmp_path: Path) -> None:
    (outcome,) = processes(world, tmp_path, 1, limit=len(WEIGHTS) - 1)
    assert outcome.startswith("CannotWrite set REDACT_CACHE")
    assert leftovers(world.cache) == []
    assert not (world.cache / "models").exists()
    assert find(world).pinned


# --- the real ones


@pytest.mark.models
@pytest.mark.parametrize("name", ["base", "tiny.en"])
def test_the_real_whisper_models_load(real_cache: Path, name: str) -> None:
    from faster_whisper import WhisperModel

    found = locate(name, engine="faster-whisper", cache=real_cache)
    assert found.pinned
    model = WhisperModel(str(found.path), device="cpu", compute_type="int8", local_files_only=True)
    assert model.model.is_multilingual is found.covers("fr")
    assert locate(str(found.path), engine="faster-whisper", cache=real_cache).languages == found.languages


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.parametrize(("name", "language"), [("en_core_web_sm", "en"), ("fr_core_news_md", "fr")])
def test_the_real_spacy_models_load(real_cache: Path, name: str, language: str) -> None:
    import spacy

    found = locate(name, engine="spacy", cache=real_cache)
    assert found.languages == (language,)
    nlp = spacy.load(found.path)
    assert nlp.meta["version"] == "3.8.0"
    assert nlp.lang == language
    assert any(token.ent_type_ for token in nlp("Paul Martin, Paris, London"))


@pytest.mark.models
def test_the_real_models_are_whole(real_cache: Path) -> None:
    found = {result.model.name: result for result in verify(cache=real_cache)}
    ready = {name for name, result in found.items() if result.state == "ready"}
    assert ready == {"base", "tiny.en", "en_core_web_sm", "fr_core_news_md"}
    assert {found[name].state for name in set(found) - ready} == {"not pulled"}
    assert "redact models pull small" in found["small"].detail


@pytest.mark.models
def test_joining_the_real_base_at_once_and_a_flipped_byte(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from redact.models import locate; " + (
        "print(locate('base', engine='faster-whisper', cache=Path(sys.argv[1])).digest)"
    )
    command = [sys.executable, "-c", code, tmp_path]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    found = locate("base", engine="faster-whisper", cache=tmp_path)
    assert digests == {f"{found.digest}\n"}
    assert (found.path / "model.bin").stat().st_size == 145217607

    with (found.path / "model.bin").open("r+b") as file:
        file.seek(100_000_000)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(Damaged):
        locate("base", engine="faster-whisper", cache=tmp_path)
