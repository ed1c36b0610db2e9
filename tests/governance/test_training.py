"""Who was trained, until when it counts, who may open an original; and the exercise, which holds no answer."""

import csv
import json
import shutil
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from governance_world import ORGANISATION, run

from redact.audio.decode import decode
from redact.errors import ExitCode, HeldForReview, InputRejected, PolicyError, UsageError
from redact.evaluate import GOLD_LABELS
from redact.governance import exercise, organisation, training
from redact.governance.words import words
from redact.stores.audit import actor
from redact.stores.reviews import User

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
MODULES = {
    "calls": {"title": "Calls", "roles": ["reviewer", "lead"], "valid_months": 12, "pass_score": 0.8},
    "cards": {"title": "Cards", "roles": ["lead"], "valid_months": 1, "pass_score": 1.0},
}


@pytest.fixture
def office(office):
    office.write({**ORGANISATION, "training": MODULES})
    return office


@pytest.mark.parametrize(
    ("module", "score", "passed", "until"),
    [
        ("calls", 0.8, True, "2027-03-31"),
        ("calls", 0.79, False, "2026-03-31"),
        ("cards", 1.0, True, "2026-04-30"),  # there is no 31st of April
        ("cards", 0.9, False, "2026-03-31"),
    ],
)
def test_a_score_passes_or_not_and_counts_for_so_long(office, org, module, score, passed, until) -> None:
    told = training.record(office.kept, org, "ines", module, score, NOON)
    assert (told.passed, told.expires_at[:10]) == (passed, until)
    assert office.kept.trainings.all("ines") == (told,)
    last = datetime.fromisoformat(told.expires_at)
    assert training.is_valid(office.kept, org, "ines", module, last - timedelta(seconds=1)) is passed
    assert not training.is_valid(office.kept, org, "ines", module, last)
    assert not training.is_valid(office.kept, org, "ines", module, NOON - timedelta(days=1))
    assert not training.is_valid(office.kept, org, "lou", module, NOON)
    entry = office.kept.audit.tail(1)[0]
    assert (entry.action, entry.reason) == ("training.record", "passed" if passed else "failed")
    assert json.loads(entry.counts) == {"percent": round(score * 100)}


def test_a_later_failure_takes_no_earlier_pass_away(office, org) -> None:
    training.record(office.kept, org, "ines", "calls", 1, NOON)
    training.record(office.kept, org, "ines", "calls", 0, NOON + timedelta(days=1))
    assert training.is_valid(office.kept, org, "ines", "calls", NOON + timedelta(days=2))


@pytest.mark.parametrize(
    ("person", "module", "score", "error"),
    [
        ("ines", "cals", 1, PolicyError), ("", "calls", 1, UsageError), ("a\nb", "calls", 1, UsageError),
        ("x" * 81, "calls", 1, UsageError), ("ines", "calls", 1.1, UsageError), ("ines", "calls", -1, UsageError),
    ],
)  # fmt: skip
def test_what_can_t_be_recorded(office, org, person, module, score, error) -> None:
    with pytest.raises(error):
        training.record(office.kept, org, person, module, score, NOON)
    assert office.kept.trainings.all() == ()


def test_nothing_counts_of_a_module_that_nobody_knows(office, org) -> None:
    training.record(office.kept, org, "ines", "calls", 1, NOON)
    fewer = org.model_copy(update={"training": {}})
    assert not training.is_valid(office.kept, fewer, "ines", "calls", NOON)


def test_who_lacks_what(office, org) -> None:
    reviews = office.kept.reviews("")
    for _ in range(2):
        code, told, _ = run(office, "training", "check")
        assert (code, "no users" in told, "every user" in told) == (0, True, False)
        reviews.put_user(User("old", "reviewer", disabled=True), "hash")
    roles = {"ines": "reviewer", "lou": "lead", "max": "auditor", "noa": "reviewer", "old": "reviewer"}
    for name, role in roles.items():
        reviews.put_user(User(name, role, disabled=name == "old"), "hash")
    training.record(office.kept, org, "ines", "calls", 1, NOON)
    training.record(office.kept, org, "lou", "calls", 0.2, NOON)
    training.record(office.kept, org, "lou", "cards", 1, NOON)
    found = training.lacking(office.kept, org, NOON + timedelta(days=60))
    assert [(x.person, x.module, x.why, x.since[:10]) for x in found] == [
        ("lou", "calls", "failed", ""), ("lou", "cards", "expired", "2026-04-30"), ("noa", "calls", "never", ""),
    ]  # fmt: skip
    code, told, _ = run(office, "training", "check")
    assert code == 1
    assert "noa" in told
    assert "max" not in told
    for name in ("lou", "noa"):
        assert run(office, "training", "record", name, "--module", "calls", "--score", "1")[0] == 0
    assert run(office, "training", "record", "lou", "--module", "cards", "--score", "1")[0] == 0
    assert run(office, "training", "record", "ines", "--module", "calls", "--score", "0.9")[0] == 0
    assert run(office, "training", "check")[0] == 0


def test_the_commands_record_and_list(office) -> None:
    assert run(office, "training", "record", "ines", "--module", "calls", "--score", "0.5")[0] == 1
    code, told, _ = run(office, "training", "record", "ines", "--module", "calls", "--score", "0.9")
    assert (code, told.startswith("90%: passed, valid until")) == (0, True)
    code, told, _ = run(office, "training", "list")
    assert [line.split()[:2] for line in told.splitlines()[1:]] == [["ines", "calls"]] * 2
    assert "failed" in told
    assert "valid" in told
    code, told, _ = run(office, "training", "list", "--person", "ines", "--json")
    assert [json.loads(line)["is_valid"] for line in told.splitlines()] == [False, True]
    assert run(office, "training", "record", "ines", "--module", "cals", "--score", "1")[2].hint.count("calls")


def with_version(office, version: str) -> None:
    office.write({**ORGANISATION, "training": {**MODULES, "calls": {**MODULES["calls"], "version": version}}})


def test_role_and_version_stay_as_they_were_when_it_was_taken(office) -> None:
    reviews = office.kept.reviews("")
    reviews.put_user(User("ines", "reviewer"), "hash")
    reviews.put_user(User("old", "auditor", disabled=True), "hash")
    with_version(office, "2026-1")
    for person in ("ines", "old", "nobody"):
        assert run(office, "training", "record", person, "--module", "calls", "--score", "1")[0] == 0
    reviews.put_user(User("ines", "lead"))
    with_version(office, "2026-2")
    newer = organisation.load(office.world.root / "organisation.yaml")
    assert training.is_valid(office.kept, newer, "ines", "calls")  # a newer version takes nothing away
    assert [lack.person for lack in training.lacking(office.kept, newer) if lack.module == "calls"] == []
    assert run(office, "training", "record", "ines", "--module", "calls", "--score", "0.5")[0] == 1
    assert run(office, "training", "record", "ines", "--module", "cards", "--score", "1")[0] == 0
    told = [json.loads(line) for line in run(office, "training", "list", "--json")[1].splitlines()]
    assert [(each["person"], each["role"], each["version"]) for each in told] == [
        ("ines", "reviewer", "2026-1"), ("old", "auditor", "2026-1"), ("nobody", "", "2026-1"),
        ("ines", "lead", "2026-2"), ("ines", "lead", ""),
    ]  # fmt: skip
    shown = run(office, "training", "list")[1].splitlines()
    assert shown[0].split()[:4] == ["PERSON", "ROLE", "MODULE", "VERSION"]
    assert shown[4].split()[:4] == ["ines", "lead", "calls", "2026-2"]


@pytest.mark.parametrize("version", ["x" * 41, "a\nb", "a\0b", 2, 1.1, datetime(2026, 1, 1, tzinfo=UTC).date()])
def test_a_version_is_a_short_text_in_quotes(office, version) -> None:
    with_version(office, version)
    code, _, error = run(office, "training", "record", "ines", "--module", "calls", "--score", "1")
    assert (code, error.message.count("training.calls.version")) == (3, 1)
    assert office.kept.trainings.all() == ()


def test_the_list_as_a_table(office, tmp_path) -> None:
    office.kept.reviews("").put_user(User("inès", "lead"), "hash")
    with_version(office, "=1+1")
    for person, score in (("inès", "0.9"), ("@lou", "0.55")):
        run(office, "training", "record", person, "--module", "calls", "--score", score)
    passed, failed = office.kept.trainings.all()
    target = tmp_path / "new" / "trainings.csv"
    code, told, _ = run(office, "training", "list", "-o", target)
    assert (code, told) == (0, "2 trainings\n")
    assert target.stat().st_mode & 0o777 == 0o600
    entry = office.kept.audit.tail(1)[0]
    assert (entry.action, entry.outcome, entry.reason) == ("document.build", "done", "trainings")
    with target.open(encoding="utf-8", newline="") as file:
        head, *found = csv.reader(file)
    assert head == ["person", "role", "module", "version", "taken at", "score", "passed", "valid until", "recorded by"]
    assert found == [
        ["inès", "lead", "calls", "'=1+1", passed.taken_at, "0.9", "yes", passed.expires_at, passed.trainer],
        ["'@lou", "", "calls", "'=1+1", failed.taken_at, "0.55", "no", "", failed.trainer],
    ]
    assert run(office, "training", "list", "-o", target)[0] == ExitCode.CANNOT_WRITE
    assert run(office, "training", "list", "-o", target, "--force", "--language", "fr", "--person", "inès")[0] == 0
    with target.open(encoding="utf-8", newline="") as file:
        french = list(csv.DictReader(file))
    assert [(row["rôle"], row["réussie"]) for row in french] == [("responsable", "oui")]
    for wrong in (("-o", tmp_path / "x.json"), ("-o", tmp_path / "x.csv", "--json"), ("--force",)):
        assert run(office, "training", "list", *wrong)[0] == ExitCode.USAGE
    assert not list(tmp_path.glob("x.*"))


class TestOpeningOriginals:
    def opening(self, office, tmp_path):
        return run(office, "vault", "open", office.ids[0], "-o", tmp_path / "x", "--reason", "complaint", "--force")

    def test_nobody_opens_one_without_a_valid_training_where_the_organisation_wants_it(self, office, tmp_path) -> None:
        office.write({**ORGANISATION, "training": MODULES, "clear_access": {"training": "calls"}})
        org = organisation.load(office.world.root / "organisation.yaml")
        code, _, error = self.opening(office, tmp_path)
        assert (code, error.reason) == (8, "training")
        assert not (tmp_path / "x").exists()
        assert office.kept.audit.tail(1)[0].outcome == "refused"
        long_ago = datetime.now(UTC) - timedelta(days=400)
        training.record(office.kept, org, actor(), "calls", 1, long_ago)
        training.record(office.kept, org, "somebody-else", "calls", 1)
        training.record(office.kept, org, actor(), "cards", 1)
        assert self.opening(office, tmp_path)[0] == 8
        training.record(office.kept, org, actor(), "calls", 1)
        assert self.opening(office, tmp_path)[0] == 0
        assert (tmp_path / "x").exists()

    def test_a_module_that_is_not_there_lets_nobody_in(self, office, tmp_path) -> None:
        office.write({**ORGANISATION, "clear_access": {"training": "calls"}})
        assert self.opening(office, tmp_path)[0] == 3

    def test_without_such_a_rule_nothing_is_wanted(self, office, org, tmp_path) -> None:
        assert self.opening(office, tmp_path)[0] == 0
        training.require(office.kept, org, "anybody")
        strict = org.model_copy(update={"clear_access": organisation.ClearAccess(training="calls")})
        with pytest.raises(HeldForReview):
            training.require(office.kept, strict, "anybody")


@pytest.fixture(scope="module")
def sounds():
    """Each sample call's labels, and its sound by half seconds from which a clip can begin."""
    found = {}
    for gold in sorted(SAMPLES.glob("*.gold.json")):
        told = json.loads(gold.read_text())
        with decode(SAMPLES / told["audio"]) as decoded:
            sound = decoded.pcm.read()
            sound = sound.astype(np.float64) / (1 if sound.dtype.kind == "f" else 32768)
            found[gold.name] = (told["pii"], sound, decoded.pcm.sample_rate)
    return found


def truth(clip: Path, sounds) -> tuple[set[str], str]:
    """The types that are heard in a clip, by where its sound is in the samples; and in which call it is."""
    with wave.open(str(clip)) as read:
        rate, channels, frames = read.getframerate(), read.getnchannels(), read.getnframes()
        heard = np.frombuffer(read.readframes(frames), "<i2").reshape(-1, channels).T / 32768
    for name, (items, sound, its_rate) in sounds.items():
        for start in range(0, sound.shape[1] - frames + 1, its_rate // 2):
            if its_rate == rate and np.abs(sound[:, start : start + frames] - heard).max() < 1e-3:
                begin, end = start / rate, (start + frames) / rate
                inside = [i for i in items if i["end"] > begin and i["start"] < end]
                assert all(begin < i["start"] and i["end"] < end for i in inside)  # no half of a name
                return {GOLD_LABELS.get(i["type"], i["type"]) for i in inside}, name
    raise AssertionError("the clip is of no sample")


@pytest.fixture(scope="module")
def made(tmp_path_factory, sounds):
    """An exercise, and what is really heard in each of its clips."""
    folder = tmp_path_factory.mktemp("exercise")
    number = exercise.make(SAMPLES, folder, 11)
    return number, folder, {clip.name: truth(clip, sounds)[0] for clip in sorted(folder.glob("*.wav"))}


@pytest.fixture
def set_exercise(made, tmp_path):
    number, folder, told = made
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return number, tmp_path, told


def fill(folder: Path, answers: dict[str, tuple[str, str]]) -> Path:
    with (folder / exercise.SHEET).open(newline="") as read:
        rows = list(csv.DictReader(read))
    with (folder / "filled.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, exercise.COLUMNS)
        writer.writeheader()
        for row in rows:
            personal, kind = answers[row["clip"]]
            writer.writerow({**row, "personal": personal, "type": kind})
    return folder / "filled.csv"


class TestExercise:
    def test_ten_clips_and_no_answer(self, office, tmp_path, sounds) -> None:
        made = exercise.make(SAMPLES, tmp_path / "a", 7)
        code, told, _ = run(office, "training", "exercise", "-o", tmp_path / "b", "--seed", "7")
        assert (code, made in told) == (0, True)
        clips = sorted((tmp_path / "a").glob("*.wav"))
        assert [clip.read_bytes() for clip in clips] == [c.read_bytes() for c in sorted((tmp_path / "b").glob("*.wav"))]
        assert len(clips) == 10
        told = [truth(clip, sounds) for clip in clips]
        assert 4 <= sum(bool(types) for types, _ in told) <= 6
        values = [item["value"] for items, _, _ in sounds.values() for item in items]
        written = "".join(path.read_text() for path in (tmp_path / "a").iterdir() if path.suffix != ".wav")
        assert not any(value in written for value in values if len(value) > 3)
        assert not any(name.removesuffix(".gold.json") in written for name in sounds)
        assert {path.name for path in (tmp_path / "a").iterdir()} - {clip.name for clip in clips} == {
            "answers.csv", "exercise.en.html", "exercise.fr.html",
        }  # fmt: skip

    def test_the_page_says_yes_and_no_in_its_language(self, made) -> None:
        english, french = ((made[1] / f"exercise.{each}.html").read_text() for each in ("en", "fr"))
        assert ("yes or no" in english, "oui ou non" in french, "yes" in french) == (True, True, False)

    def test_another_seed_is_another_exercise(self, tmp_path, made) -> None:
        exercise.make(SAMPLES, tmp_path, 1)
        other = [clip.read_bytes() for clip in sorted(made[1].glob("*.wav"))]
        assert [clip.read_bytes() for clip in sorted(tmp_path.glob("*.wav"))] != other

    @pytest.mark.parametrize("wrong", [0, 2, 3])
    def test_a_sheet_is_scored_by_what_is_really_heard(self, office, set_exercise, wrong) -> None:
        made, folder, heard = set_exercise
        answers = {}
        for number, (clip, types) in enumerate(heard.items()):
            right = ("oui", min(types)) if types else ("no", "")
            other = ("no", "") if types else ("yes", "PERSON")
            answers[clip] = other if number < wrong else right
        sheet = fill(folder, answers)
        code, told, _ = run(
            office, "training", "score", sheet, "--person", "ines", "--module", "calls", "--exercise", made
        )
        assert told.count("clip ") == wrong
        assert code == (1 if wrong > 2 else 0)
        (kept,) = office.kept.trainings.all("ines", "calls")
        assert (kept.score, kept.passed) == (1 - wrong / 10, wrong <= 2)

    def test_the_wrong_type_is_wrong(self, set_exercise) -> None:
        _, tmp_path, told = set_exercise
        sheet = fill(tmp_path, {name: ("yes", "IBAN_CODE") if types else ("no", "") for name, types in told.items()})
        found = exercise.score(sheet, SAMPLES)
        assert [answer.is_right for answer in found.answers] == [not types for types in told.values()]
        assert [set(answer.types) for answer in found.answers] == list(told.values())

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text.replace(",no,", ",,", 1), lambda text: text.replace(",no,", ",perhaps,", 1),
            lambda text: text.replace("clip-03", "clip-04"), lambda text: text.partition("\n")[2],
            lambda text: text.replace("11-", "12-", 1), lambda text: text.replace("exercise", "x"),
            lambda text: text[:0],
            lambda text: text.rpartition("11-")[0],
        ],
    )  # fmt: skip
    def test_a_sheet_that_is_none_is_refused_and_nothing_is_recorded(self, office, set_exercise, spoil) -> None:
        _, tmp_path, _ = set_exercise
        sheet = fill(tmp_path, {f"clip-{n:02}.wav": ("no", "") for n in range(1, 11)})
        sheet.write_text(spoil(sheet.read_text()))
        assert run(office, "training", "score", sheet, "--person", "ines", "--module", "calls")[0] == 5
        assert office.kept.trainings.all() == ()

    def test_a_sheet_of_another_exercise_or_of_other_samples_is_refused(self, set_exercise) -> None:
        made, tmp_path, _ = set_exercise
        sheet = fill(tmp_path, {f"clip-{n:02}.wav": ("n", "") for n in range(1, 11)})
        assert exercise.score(sheet, SAMPLES, made).share == pytest.approx(0.5, abs=0.11)
        with pytest.raises(InputRejected, match="another exercise"):
            exercise.score(sheet, SAMPLES, "12-00000000")
        shutil.copytree(SAMPLES, tmp_path / "samples")
        gold = tmp_path / "samples" / "en-card-payment.gold.json"
        gold.write_text(gold.read_text().replace("3.4015", "3.4115", 1))
        with pytest.raises(InputRejected, match="other samples"):
            exercise.score(sheet, tmp_path / "samples")

    def test_a_french_spreadsheet_s_semicolons_are_read(self, set_exercise) -> None:
        _, tmp_path, _ = set_exercise
        sheet = fill(tmp_path, {f"clip-{n:02}.wav": ("non", "") for n in range(1, 11)})
        plain = exercise.score(sheet, SAMPLES).share
        sheet.write_bytes(b"\xef\xbb\xbf" + sheet.read_bytes().replace(b",", b";"))
        assert exercise.score(sheet, SAMPLES).share == plain

    def test_too_few_calls_or_none(self, tmp_path) -> None:
        (tmp_path / "few").mkdir()
        for path in SAMPLES.glob("fr-horaires*"):
            shutil.copy(path, tmp_path / "few")
        with pytest.raises(InputRejected):
            exercise.make(tmp_path / "few", tmp_path / "x", 1)
        with pytest.raises(InputRejected):
            exercise.make(tmp_path / "nowhere", tmp_path / "x", 1)
        assert not (tmp_path / "x").exists()

    def test_each_type_of_the_samples_is_explained_in_both_languages(self) -> None:
        kinds = {i["type"] for gold in SAMPLES.glob("*.gold.json") for i in json.loads(gold.read_text())["pii"]}
        for language in ("en", "fr"):
            assert all(words("exercise", language).get(GOLD_LABELS.get(kind, kind)) for kind in kinds)
