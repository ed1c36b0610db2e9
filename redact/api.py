r"""The library: what `import redact` offers. The command line does the same with the same classes.

>>> import redact
>>> done = redact.redact_transcript("Agent: Your name, please?\nCustomer: It's Desmond Halloway.\n", language="en")
>>> print(done.text, end="")
Agent: Your name, please?
Customer: It's [PERSON_1].
>>> dict(done.report["replacements"])
{'PERSON': 1}
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from redact.call import Transcript, Turn, Word
from redact.errors import UsageError
from redact.options import Options
from redact.texts import RedactedText, TextRedactor

if TYPE_CHECKING:
    from redact.pipeline import Redactor
    from redact.report import Result

_KEPT = 4
_Made = TypeVar("_Made")


def redact_file(
    path: str | Path,
    out_dir: str | Path | None = None,
    *,
    transcript: str | Path | Transcript | None = None,
    realign: bool = False,
    **options: Any,
) -> "Result":
    """Redact one recording and publish its outputs.

    Args:
        path: of the recording.
        out_dir: for the outputs; by default the recording's own folder.
        transcript: of the call, by another engine, or the path of one in any format that is read; None to transcribe.
        realign: move the times of that transcript, where they are measured to be off.
        options: fields of `redact.Options`, such as `policy="pci"` or `language="fr"`.

    Returns:
        Paths of the outputs, the report, the plan and warnings.

    Raises:
        RedactError: one of its kinds, by what went wrong, with the next step in `hint`. Nothing was published then; a
            held call has its report.
    """
    from redact.transcripts.formats import read_transcript

    given = read_transcript(Path(transcript)) if isinstance(transcript, str | Path) else transcript
    folder = None if out_dir is None else Path(out_dir)
    return _recordings(Options(**options)).redact_file(Path(path), folder, transcript=given, realign=realign)


def redact_transcript(
    source: str | Path | Transcript | Sequence[Mapping[str, Any]],
    *,
    format: str | None = None,  # noqa: A002 - as the command line calls it
    **options: Any,
) -> RedactedText:
    """Redact one transcript and give it back; nothing is written.

    Args:
        source: the path of a transcript file in any format that is read, the text of one, a `Transcript`, or turns as
            mappings with `text` and, if known, `speaker`, `channel`, `start`, `end` (seconds).
        format: name of the format; None to tell by what stands in the text.
        options: fields of `redact.Options`.

    Raises:
        RedactError: one of its kinds, by what went wrong, with the next step in `hint`.

    >>> turns = [{"speaker": "agent", "text": "And the card number?"},
    ...          {"speaker": "customer", "text": "4539 1488 0343 6467."}]
    >>> redact_transcript(turns, language="en").transcript.turns[1].text
    '[CREDIT_CARD_1].'
    """
    import json

    from redact.transcripts import formats, native

    if isinstance(source, Transcript):
        source, format = native.write(source, duration_ms=None), "redact"  # noqa: A001
    elif isinstance(source, Path):
        source = formats.read_text(source)
    elif not isinstance(source, str):
        source, format = json.dumps([dict(turn) for turn in source], ensure_ascii=False), "turns"  # noqa: A001
    return _texts(Options(**options)).redact_text(source, format)


class Turns:
    """Redacts columns of turns: for pandas, Ray Data, and whatever else keeps tables.

    Only the column of texts changes: drop others that hold names, such as that of the speakers.

    Models are loaded at first use and kept, so make one a process: with Ray,
    `dataset.map_batches(redact.Turns, batch_format="pandas", concurrency=2)`, with all turns of a call in one batch.

    >>> turns = Turns(language="en")
    >>> turns.texts(["Your name, please?", "It's Desmond Halloway."], speakers=["agent", "customer"])
    ['Your name, please?', "It's [PERSON_1]."]

    Args:
        text: the column of what was said.
        call: the column that tells calls apart; without such a column all turns are one call's.
        speaker: the column of who said it; without one, anybody may have.
        options: fields of `redact.Options`.
    """

    def __init__(self, text: str = "text", call: str = "call_id", speaker: str = "speaker", **options: Any) -> None:
        self._columns = (text, call, speaker)
        self._redactor = TextRedactor(Options(**options))

    def __call__(self, batch: Any) -> Any:
        """The batch, its text redacted: a mapping of columns, or a data frame.

        Raises:
            UsageError: it has no column of texts.
        """
        text, call, speaker = self._columns
        if text not in batch:
            raise UsageError(f"the batch has no column {text!r}", hint="name the column: redact.Turns(text=...)")
        calls, speakers = (batch.get(name) for name in (call, speaker))
        redacted = self.texts(batch[text], calls, speakers)
        if hasattr(batch, "assign"):
            return batch.assign(**{text: redacted})
        return {**batch, text: redacted}

    def texts(
        self, texts: Iterable[str], calls: Iterable[Any] | None = None, speakers: Iterable[Any] | None = None
    ) -> list[str]:
        """Texts of turns, redacted, one for one and in their order.

        Args:
            texts: of the turns; what is None stays.
            calls: which call each belongs to; turns of calls may be mixed.
            speakers: who says each.

        Raises:
            ValueError: the columns differ in length.
            RedactError: one of its kinds, by what went wrong.
        """
        said = list(texts)
        ids = [""] * len(said) if calls is None else [str(call) for call in calls]
        by = ["mixed"] * len(said) if speakers is None else [str(speaker) for speaker in speakers]
        groups: dict[str, list[int]] = {}
        for position, (call, text, _) in enumerate(zip(ids, said, by, strict=True)):
            if isinstance(text, str):
                groups.setdefault(call, []).append(position)
        for positions in groups.values():
            turns = tuple(
                Turn(by[at], 0, tuple(Word(word, None, None, 0) for word in said[at].split())) for at in positions
            )
            done = self._redactor.redact(Transcript(turns, "", "turns"))
            for at, turn in zip(positions, done.transcript.turns, strict=True):
                said[at] = turn.text
        return said


_recordings_by: list[tuple[Options, "Redactor"]] = []
_texts_by: list[tuple[Options, TextRedactor]] = []


def _recordings(options: Options) -> "Redactor":
    from redact.pipeline import Redactor

    return _kept(_recordings_by, options, Redactor)


def _texts(options: Options) -> TextRedactor:
    return _kept(_texts_by, options, TextRedactor)


def _kept(made: list[tuple[Options, _Made]], options: Options, make: Callable[[Options], _Made]) -> _Made:
    """What was made with equal options before, so that models are loaded once; few are kept."""
    for known, redactor in made:
        if known == options:
            return redactor
    redactor = make(options)
    made[:] = [(options, redactor), *made[: _KEPT - 1]]
    return redactor
