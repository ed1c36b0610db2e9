"""What the page's requests carry: closed, with limits, and told nowhere if it is wrong."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from redact.corrections import Correction
from redact.errors import InputRejected
from redact.plan import DOUBT
from redact.policy import ENTITY_TYPES
from redact.stores.proposals import LONGEST

# Why somebody listens to an original, or sends a call back.
Reason = Literal["unsure", "complaint", "sample", "missed", "too_much", "unclear_sound"]
REASONS: tuple[Reason, ...] = get_args(Reason)


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Credentials(_Closed):
    """Who signs in."""

    name: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=200)


class Entry(_Closed):
    """A one-time link's token."""

    token: str = Field(min_length=1, max_length=100)


class Edit(_Closed):
    """One decision about a stretch: masked as a type, or not personal."""

    start_ms: int = Field(ge=0, le=1 << 40)
    end_ms: int = Field(ge=1, le=1 << 40)
    entity_type: str | None = Field(max_length=40)
    was: str | None = Field(default=None, max_length=40, description="Type of the mask that this takes away.")

    def correction(self) -> Correction:
        """As the pipeline takes it.

        Raises:
            InputRejected: it is empty, or of a type that nobody knows.
        """
        if self.start_ms >= self.end_ms:
            raise InputRejected("a mask ends before it begins", hint="draw it again")
        if not {self.entity_type, self.was} <= {None, DOUBT, *ENTITY_TYPES}:
            raise InputRejected("a mask is of a type that nobody knows", hint="choose one of the list")
        return Correction(self.start_ms, self.end_ms, self.entity_type)


class Draft(_Closed):
    """Edits that are not yet in the file."""

    edits: list[Edit] = Field(max_length=2000)
    version: int = Field(ge=0)


class Verdict(_Closed):
    """What becomes of a call."""

    kind: Literal["approve", "return", "escalate"]
    reason: str = Field(default="", max_length=40)


class Question(_Closed):
    """Why somebody wants to hear an original."""

    reason: Reason


class Suggestion(_Closed):
    """A term for the lists: given, or what is said in a stretch."""

    kind: Literal["allow", "deny", "recognizer"]
    start_ms: int = Field(ge=0, le=1 << 40)
    end_ms: int = Field(ge=1, le=1 << 40)
    entity_type: str = Field(default="", max_length=40)
    term: str = Field(default="", max_length=LONGEST)


class Answer(_Closed):
    """What a lead says to a proposal."""

    accept: bool
