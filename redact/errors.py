"""Every error that `redact` raises on purpose, each with its exit code and the next step.

    RedactError
    ├── UsageError            2   the command line asks for something that makes no sense
    ├── PolicyError           3   a policy or setting is wrong
    ├── ModelMissing          4   a model or tool is not installed
    ├── InputRejected         5   the input can't be read, or must not be trusted
    ├── NoLawfulBasis         6   nothing allows the call to be processed; nothing was read
    ├── VerificationFailed    7   the result did not pass its checks; nothing was published
    ├── HeldForReview         8   a person has to decide; nothing was published
    ├── Damaged               9   what was stored is damaged or was changed
    ├── Locked               10   another run is at work on the same
    ├── CannotWrite          11   an output can't be written
    └── KeyMissing           12   a key is missing, malformed or wrong

Messages never hold a personal value. `hint` says what to do next. One handler, in `redact.cli`, turns
these into a line on stderr and a process exit code; nobody matches on message text.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line: a stable interface."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    BAD_POLICY = 3
    MODEL_MISSING = 4
    INPUT_REJECTED = 5
    NO_LAWFUL_BASIS = 6
    VERIFICATION_FAILED = 7
    HELD = 8
    DAMAGED = 9
    LOCKED = 10
    CANNOT_WRITE = 11
    KEY = 12
    INTERRUPTED = 130
    TERMINATED = 143


class RedactError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        message: what is wrong.
        hint: what to do next.
        reason: the same in one word of few, for logs and counts; by default the kind of error.
    """

    exit_code: ExitCode

    def __init__(self, message: str, *, hint: str, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason or type(self).__name__


class UsageError(RedactError):
    """The command line asks for something that makes no sense."""

    exit_code = ExitCode.USAGE


class PolicyError(RedactError):
    """A policy or a setting is wrong."""

    exit_code = ExitCode.BAD_POLICY


class ModelMissing(RedactError):
    """A model or a tool that the work needs is not installed."""

    exit_code = ExitCode.MODEL_MISSING


class InputRejected(RedactError):
    """The input can't be read, or what was read can't be trusted to be whole."""

    exit_code = ExitCode.INPUT_REJECTED


class NoLawfulBasis(RedactError):
    """Neither consent nor another lawful basis is recorded for the call. Nothing of it was read."""

    exit_code = ExitCode.NO_LAWFUL_BASIS


class VerificationFailed(RedactError):
    """The redacted result did not pass its own checks. Nothing was published."""

    exit_code = ExitCode.VERIFICATION_FAILED


class HeldForReview(RedactError):
    """The policy wants a person to decide. Nothing was published but the report."""

    exit_code = ExitCode.HELD


class Damaged(RedactError):
    """What was stored is damaged, or somebody changed it."""

    exit_code = ExitCode.DAMAGED


class Locked(RedactError):
    """Another run is at work on the same."""

    exit_code = ExitCode.LOCKED


class CannotWrite(RedactError):
    """An output can't be written, or one is in the way."""

    exit_code = ExitCode.CANNOT_WRITE


class KeyMissing(RedactError):
    """A key that the work needs is missing or malformed, or it is not the key that something was made with."""

    exit_code = ExitCode.KEY
