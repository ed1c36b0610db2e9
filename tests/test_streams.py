"""Streams of turns: one line out for each that goes in, in bounded memory, calls kept apart."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redact import streams
from redact.errors import InputRejected
from redact.options import Options
from redact.streams import lines, redacted
from redact.texts import TextRedactor

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def redactor() -> TextRedactor:
    return TextRedactor(Options(language="en"))


def turn(text: str, call: str | None = "c1", speaker: str = "customer") -> str:
    return json.dumps({"call_id": call, "speaker": speaker, "text": text}, ensure_ascii=False)


def texts(done: list[str]) -> list[str]:
    return [json.loads(line)["text"] for line in done if line.strip()]


def test_a_question_in_one_line_tells_what_the_next_one_says(redactor: TextRedactor) -> None:
    told = [turn("And your name?", speaker="agent"), turn("Zebber.")]
    assert texts(list(redacted(told, redactor))) == ["And your name?", "[PERSON_1]."]


def test_calls_may_be_mixed(redactor: TextRedactor) -> None:
    told = [
        turn("And your name?", "a", "agent"),
        turn("How can I help?", "b", "agent"),
        turn("Zebber.", "a"),
        turn("Quickly.", "b"),
    ]
    assert texts(list(redacted(told, redactor))) == ["And your name?", "How can I help?", "[PERSON_1].", "Quickly."]


def test_what_was_asked_at_the_end_of_a_window_is_answered_in_the_next(
    redactor: TextRedactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "WINDOW_LINES", 3)
    told = [turn("Hello."), turn("Hello."), turn("And your name?", speaker="agent"), turn("Zebber."), turn("Okay.")]
    assert texts(list(redacted(told, redactor)))[3] == "[PERSON_1]."


def test_numbers_of_labels_go_on_in_the_next_window(redactor: TextRedactor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WINDOW_LINES", 2)
    told = [
        turn("And your name?", speaker="agent"), turn("It's Desmond Halloway."),
        turn("And who else lives there?", speaker="agent"), turn("My name is not Harriet Okonkwo, that's my wife."),
    ]  # fmt: skip
    said = " ".join(texts(list(redacted(told, redactor))))
    assert "[PERSON_1]" in said
    assert "[PERSON_2]" in said


def test_blank_lines_stay_where_they_are(redactor: TextRedactor) -> None:
    done = list(redacted(["", turn("Hello."), "   ", turn("Bye.")], redactor))
    assert [bool(line.strip()) for line in done] == [False, True, False, True]


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "line 3"), ("[1]", "line 3"), ("\x00", "line 3"), ('"text"', "line 3"), ("[" * 100_000, "line 3")],
)
def test_a_line_that_is_no_turn_is_refused_by_its_number(line: str, says: str, redactor: TextRedactor) -> None:
    with pytest.raises(InputRejected, match=says):
        list(redacted([turn("Hello."), turn("Bye."), line], redactor))


def test_a_line_that_is_too_long_is_refused_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINE_CHARACTERS", 1000)
    read = lines(io.StringIO("short\n" + "x" * 5000))
    assert next(read) == "short"
    with pytest.raises(InputRejected, match="line 2 is longer"):
        next(read)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(InputRejected, match="not UTF-8"):
        list(lines(io.TextIOWrapper(io.BytesIO(b'{"text": "caf\xe9"}\n'), encoding="utf-8", newline="\n")))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(blacklist_categories=("Cs",)), max_size=60),
            st.sampled_from(["a", "b", None]),
            st.sampled_from(["agent", "customer", ""]),
        ),
        max_size=12,
    )
)
def test_one_line_out_for_each_in_and_in_order(redactor: TextRedactor, told: list[tuple[str, str | None, str]]) -> None:
    source = [turn(f"{n}. {text}", call, speaker) for n, (text, call, speaker) in enumerate(told)]
    done = list(redacted(source, redactor))
    assert len(done) == len(source)
    for before, after in zip(map(json.loads, source), map(json.loads, done), strict=True):
        assert before.keys() == after.keys()
        assert before["call_id"] == after["call_id"]


class TestTheCommand:
    def run(self, given: bytes, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "redact", "text", *arguments]
        return subprocess.run(command, input=given, cwd=cwd, capture_output=True, check=False)

    def test_from_standard_input_to_standard_output(self, tmp_path: Path) -> None:
        given = "\n".join([turn("And your name?", speaker="agent"), turn("Zebber.")]).encode() + b"\n"
        run = self.run(given, "--language", "en", "-", cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert texts(run.stdout.decode().splitlines()) == ["And your name?", "[PERSON_1]."]

    def test_a_file_appears_only_when_it_is_whole(self, tmp_path: Path) -> None:
        given = "\n".join([turn("Hello.")] * 3 + ["{"]).encode()
        run = self.run(given, "-o", "out.jsonl", cwd=tmp_path)
        assert run.returncode == 5
        assert b"line 4" in run.stderr
        assert not list(tmp_path.iterdir())

    def test_a_whole_transcript_in_a_pipe(self, tmp_path: Path) -> None:
        run = self.run(b"Agent: Your name, please?\nCustomer: Desmond Halloway.\n", cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert run.stdout == b"Agent: Your name, please?\nCustomer: [PERSON_1].\n"

    def test_no_input_at_all(self, tmp_path: Path) -> None:
        assert self.run(b"", cwd=tmp_path).returncode == 5

    @pytest.mark.slow
    def test_memory_does_not_grow_with_the_stream(self, tmp_path: Path) -> None:
        def peak(turns: int) -> int:
            source = tmp_path / f"{turns}.jsonl"
            source.write_text("\n".join(turn(f"Turn {n} says hello to everyone.", f"c{n // 20}") for n in range(turns)))
            script = (
                "import resource, subprocess, sys; subprocess.run([sys.executable, '-m', 'redact', 'text', sys.argv[1],"
                " '-o', sys.argv[1] + '.out', '--language', 'en'], check=True);"
                " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            )
            run = subprocess.run(
                [sys.executable, "-c", script, str(source)], capture_output=True, text=True, check=True
            )
            return int(run.stdout)

        assert peak(5_000) < peak(1_000) * 1.1
