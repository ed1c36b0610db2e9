"""Our own transcript format: JSON that keeps all we know of a transcript.

`docs/schemas/transcript-1.json` describes it. A field that is added and may be left out keeps the version; one that
goes or changes its meaning raises it. So a reader passes over fields that it doesn't know, and refuses a version that
it doesn't.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from redact.call import Doubt, DoubtReason, Stretch, Transcript, Turn, Word
from redact.errors import InputRejected
from redact.transcripts.draft import Draft
from redact.transcripts.fields import Kind, Shape, Time

SCHEMA = "callredact.transcript"
VERSION = 1

_LARGEST = 2**53 - 1  # beyond it, many JSON readers lose the last digits of an integer
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def write(transcript: Transcript, *, duration_ms: int | None, entities: Mapping[int, str] | None = None) -> str:
    """A transcript as our JSON, one word a line.

    Args:
        transcript: as it is to be published, labels in place of masked words.
        duration_ms: of the recording; None where there is none, only a transcript.
        entities: entity type of each label, by its index in `transcript.words`. A label has no confidence.

    Returns:
        The whole file's text, with line feeds as line ends. Lone surrogates, which no file can hold, become U+FFFD.

    Raises:
        ValueError: `entities` names a word that isn't there, or a confidence is not a number.
    """
    entities = entities or {}
    if any(index not in range(len(transcript.words)) for index in entities):
        raise ValueError("an entity type is given for a word that the transcript doesn't have")
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "language": transcript.language,
        "language_probability": transcript.language_probability,
        "source": transcript.source,
        "duration_ms": duration_ms,
        "turns": [_turn(turn, indices, entities) for turn, indices in transcript.turn_ranges()],
        "doubts": [
            {
                "reason": doubt.reason,
                "channel": doubt.where.channel,
                "start_ms": doubt.where.start_ms,
                "end_ms": doubt.where.end_ms,
            }
            for doubt in transcript.doubts
        ],
    }
    return _SURROGATE.sub("\ufffd", _laid_out(document)) + "\n"


def read(text: str) -> Transcript:
    """Read our JSON back.

    A turn's `text` and times are taken from its words, whatever else the file says of them.

    Raises:
        InputRejected: not JSON, not our schema, or a version that we don't know. The message tells the place of the
            first fault, never what stands there.
    """
    document: _Document | None = None
    fault = ""
    try:
        document = _Document.model_validate_json(text.encode("utf-8", "surrogatepass"))
    except ValidationError as error:
        fault = _first_fault(error)
    if document is None:  # raised here, and not above, so that no traceback holds on to the text
        raise InputRejected(
            f"this is not a transcript in our JSON format, version {VERSION}: {fault}",
            hint="check that the file is whole and unchanged; docs/formats.md describes the format",
        )
    return Transcript(
        turns=tuple(_read_turn(turn) for turn in document.turns),
        language=document.language,
        source=document.source,
        language_probability=document.language_probability,
        doubts=tuple(Doubt(d.reason, Stretch(d.channel, d.start_ms, d.end_ms)) for d in document.doubts),
    )


def _turn(turn: Turn, indices: Sequence[int], entities: Mapping[int, str]) -> dict[str, Any]:
    return {
        "speaker": turn.speaker,
        "channel": turn.channel,
        "start_ms": turn.start_ms,
        "end_ms": turn.end_ms,
        "text": turn.text,
        "words": [_word(word, entities.get(index)) for index, word in zip(indices, turn.words, strict=True)],
    }


def _word(word: Word, entity_type: str | None) -> dict[str, Any]:
    fields = {"text": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms}
    if entity_type is None:
        return {**fields, "confidence": word.confidence}
    return {**fields, "confidence": None, "entity_type": entity_type}


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON, indented, with everything that holds only plain values on one line."""
    deeper = indent + "  "
    if isinstance(value, dict) and any(isinstance(item, dict | list) for item in value.values()):
        items = [f"{deeper}{json.dumps(key)}: {_laid_out(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(deeper + _laid_out(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


_Time = Annotated[int, Field(ge=0, le=_LARGEST)]
_Channel = Annotated[int, Field(ge=0, le=_LARGEST)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Read(BaseModel):
    """What all parts of a document have in common: JSON's own types, no conversion, and no input in any message."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class _Timed(_Read):
    start_ms: _Time | None
    end_ms: _Time | None

    @model_validator(mode="after")
    def _runs_forward(self) -> "_Timed":
        if self.start_ms is not None and self.end_ms is not None and self.end_ms < self.start_ms:
            raise PydanticCustomError("ends_before_it_starts", "ends before it starts")
        return self


class _ReadWord(_Timed):
    text: str
    confidence: _Share | None


class _ReadTurn(_Read):
    speaker: str
    channel: _Channel
    words: list[_ReadWord]


class _ReadDoubt(_Timed):
    reason: DoubtReason
    channel: _Channel
    start_ms: _Time
    end_ms: _Time


class _Document(_Read):
    schema_: Literal["callredact.transcript"] = Field(alias="schema")
    version: Annotated[int, Field(ge=VERSION, le=VERSION)]  # Literal[1] would take true
    language: str
    language_probability: _Share | None
    source: str
    duration_ms: _Time | None
    turns: list[_ReadTurn]
    doubts: list[_ReadDoubt]


def _read_turn(turn: _ReadTurn) -> Turn:
    words = tuple(Word(w.text, w.start_ms, w.end_ms, turn.channel, w.confidence) for w in turn.words)
    return Turn(turn.speaker, turn.channel, words)


def _first_fault(error: ValidationError) -> str:
    """Where the first fault is, and of what kind. Neither holds input: names of unknown fields are never looked at."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{place.lstrip('.') or 'the file'}: {first['type'].replace('_', ' ')}"


def _read_draft(draft: Draft) -> None:
    read(json.dumps(draft.root.value))  # as strict as for our own use
    draft.language = draft.root.at("language").text()
    for turn in draft.root.at("turns").each():
        draft.turn(turn.at("speaker").text(), int(turn.at("channel").value))
        for word in turn.at("words").each():
            draft.word(word)


_TIMES: dict[str, Shape] = {"start_ms": Time("start", "ms"), "end_ms": Time("end", "ms")}
FORMATS = (
    {
        "name": "redact",
        "title": "our own JSON",
        "shape": {
            "schema": Kind.CODE,
            "version": Kind.NUMBER,
            "language": Kind.CODE,
            "language_probability": Kind.NUMBER,
            "source": Kind.ID,
            "duration_ms": Kind.NUMBER,
            "turns": [
                {
                    "speaker": Kind.SPEAKER,
                    "channel": Kind.NUMBER,
                    **_TIMES,
                    "text": Kind.TEXT,
                    "words": [
                        {**_TIMES, "text": Kind.WORD, "confidence": Kind.CONFIDENCE, "entity_type": Kind.ENTITY},
                    ],
                }
            ],
            "doubts": [{**_TIMES, "reason": Kind.CODE, "channel": Kind.NUMBER}],
        },
        "matches": lambda document: isinstance(document, dict) and document.get("schema") == SCHEMA,
        "read": _read_draft,
        "write": lambda document: _laid_out(document) + "\n",
    },
)
