"""What stands in the text for a value: Presidio's operators, and ours by the same interface.

Each gets the text of a run of masked words without the mark that ends it, and parameters:

    entity_type   of the value
    value         the text free of case and marks: equal for the same value
    language      of the call
    avoided       words that must not be in what is made up
    label         a function that gives the label by the policy's style
"""

from collections.abc import Callable, Mapping
from typing import Any

from presidio_anonymizer.entities import InvalidParamError
from presidio_anonymizer.operators import Custom, Keep, Mask, Operator, OperatorType, Redact, Replace

from redact.errors import PolicyError
from redact.keys import Key, mac, required
from redact.policy import MaskText, Policy, ReplaceText
from redact.surrogates import Surrogates
from redact.tokens import Cipher

CustomOperators = Mapping[str, Callable[[str], str]]
Operation = Callable[[str, Mapping[str, Any]], str]

REPLACE: Operation = Replace().operate
"""For types that the policy gives no operator: puts `new_value` there."""

MASKED_CHARACTERS = 6
"""How many characters a mask has, whatever the length of what it stands for."""

DIGITS_TO_KEEP_ANY = 8
"""Of a number with fewer digits, the last ones would be too much of it."""

HASH_DIGITS = 32
"""Hex digits of a hash: 128 bits, so that no two values of an archive share one."""


class _ByStyle(Replace):  # type: ignore[misc]
    """A label by the policy's style."""

    def operate(self, text: str, params: Mapping[str, Any]) -> str:
        return str(super().operate(text, {self.NEW_VALUE: params["label"]()}))


class _FixedMask(Mask):  # type: ignore[misc]
    """A mask of a fixed length, and the last letters or digits of a long number."""

    def __init__(self, character: str, keep_last: int) -> None:
        self._character = character
        self._keep_last = keep_last

    def operate(self, text: str, params: Mapping[str, Any]) -> str:  # noqa: ARG002
        value = params["value"]
        long = sum(map(str.isdigit, value)) >= DIGITS_TO_KEEP_ANY
        kept = value[-self._keep_last :] if long and self._keep_last else ""
        everything = {
            self.MASKING_CHAR: self._character, self.CHARS_TO_MASK: MASKED_CHARACTERS, self.FROM_END: False,
        }  # fmt: skip
        return str(super().operate("x" * MASKED_CHARACTERS, everything)) + kept.upper()


class _Own(Operator):  # type: ignore[misc]
    """What our own operators have in common with Presidio's."""

    def validate(self, params: Mapping[str, Any] | None = None) -> None:
        """Nothing: the policy was checked."""

    def operator_name(self) -> str:
        return type(self).__name__.removeprefix("_").lower()

    def operator_type(self) -> OperatorType:
        return OperatorType.Anonymize


class _Hash(_Own):
    """A keyed digest of the value: without the key, nobody can try all telephone numbers."""

    def __init__(self, key: Key) -> None:
        self._subkey = key.subkey("hash")

    def operate(self, text: str, params: Mapping[str, Any]) -> str:  # noqa: ARG002
        entity_type = params["entity_type"]
        return f"[{entity_type}:h:{mac(self._subkey, entity_type, params['value']).hex()[:HASH_DIGITS]}]"


class _Encrypt(_Own):
    """A token that `redact restore` opens."""

    def __init__(self, key: Key) -> None:
        self._cipher = Cipher(key)

    def operate(self, text: str, params: Mapping[str, Any]) -> str:
        return self._cipher.token(params["entity_type"], text)


class _Surrogate(_Own):
    """Something made up that is like it, or a label where there is no such thing."""

    def __init__(self, key: Key) -> None:
        self._surrogates = Surrogates(key)

    def operate(self, text: str, params: Mapping[str, Any]) -> str:
        made = self._surrogates.of(params["entity_type"], text, params["value"], params["language"], params["avoided"])
        return str(params["label"]()) if made is None else made


class _Custom(Custom):  # type: ignore[misc]
    """A function of the user's."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function

    def operate(self, text: str, params: Mapping[str, Any]) -> str:
        try:
            return str(super().operate(text, {self.LAMBDA: self._function}))
        except InvalidParamError:
            raise PolicyError(
                f"the custom operator of {params['entity_type']} gave something that is no text",
                hint="have the function return a str",
            ) from None


def made(policy: Policy, key: Key | None, custom: CustomOperators) -> dict[str, Operation]:
    """The operator of each entity type that the policy gives one.

    Raises:
        KeyMissing: one needs a key, and there is none.
        PolicyError: the policy says `custom` of a type without a function, or the other way round.
    """
    asked = {entity_type for entity_type, how in policy.operators.items() if how.operator == "custom"}
    for entity_type in sorted(asked ^ set(custom)):
        raise PolicyError(
            f"the policy {policy.name} says custom of {entity_type}, and there is no function for it"
            if entity_type in asked
            else f"there is a custom operator for {entity_type}, and the policy {policy.name} does not ask for it",
            hint="custom is for library users: a function of Options(custom={TYPE: function}) for each TYPE: custom",
        )
    keyed: dict[str, Operation] = {}
    for name, kind in (("hash", _Hash), ("encrypt", _Encrypt), ("surrogate", _Surrogate)):
        if any(how.operator == name for how in policy.operators.values()):
            keyed[name] = kind(required(key, f"the operator {name}")).operate
    operations: dict[str, Operation] = {}
    for entity_type, how in policy.operators.items():
        if isinstance(how, ReplaceText):
            operations[entity_type] = _always(how.label) if how.label else _ByStyle().operate
        elif isinstance(how, MaskText):
            operations[entity_type] = _FixedMask(how.character, how.keep_last).operate
        elif how.operator == "custom":
            operations[entity_type] = _Custom(custom[entity_type]).operate
        else:
            operations[entity_type] = {"redact": Redact().operate, "keep": Keep().operate, **keyed}[how.operator]
    return operations


def _always(label: str) -> Operation:
    return lambda text, _: REPLACE(text, {Replace.NEW_VALUE: label})
