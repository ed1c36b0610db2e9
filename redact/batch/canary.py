"""Is detection at work? A made-up conversation is searched before any call is, in each worker.

A threshold of 1, an allow list that lets all pass or a recognizer that was switched off would leave an archive in
clear, call after call, and nobody would be told.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from redact.call import Transcript, Turn, Word
from redact.detect.spoken.base import supported
from redact.errors import PolicyError

if TYPE_CHECKING:
    from redact.pipeline import Redactor

# Numbers that are nobody's: a test card's, and those that Ofcom and Arcep keep free for films.
_SAID: Mapping[str, tuple[tuple[str, str], ...]] = {
    "en": (
        ("Agent", "Can I take your full name, please?"),
        ("Customer", "Yes, my name is Desmond Halloway."),
        ("Agent", "And the long number on your card?"),
        ("Customer", "It's 4539 1488 0343 6467."),
        ("Agent", "And your telephone number?"),
        ("Customer", "That's 07700 900 123."),
    ),
    "fr": (
        ("Agent", "Quel est votre nom, s'il vous plaît ?"),
        ("Client", "Je m'appelle Hélène Marchand."),
        ("Agent", "Et le numéro de votre carte bancaire ?"),
        ("Client", "C'est le 4539 1488 0343 6467."),
        ("Agent", "Et votre numéro de téléphone ?"),
        ("Client", "C'est le 06 39 98 12 34."),
    ),
}
_HIDDEN = ("PERSON", "CREDIT_CARD", "PHONE_NUMBER")


def check(redactor: "Redactor", language: str) -> None:
    """Search the conversation as the policy says.

    Args:
        redactor: with the policy.
        language: of the calls, or `auto` for all.

    Raises:
        PolicyError: something that the policy is to mask would stay.
    """
    policy = redactor.policy
    for code in supported() if language == "auto" else (language,):
        if code not in _SAID:  # a language of somebody's own
            continue
        turns = tuple(
            Turn(who, 0, tuple(Word(word, None, None, 0) for word in said.split())) for who, said in _SAID[code]
        )
        found = redactor.findings(Transcript(turns, code, "turns"))
        masked = {finding.entity_type for finding in found if policy.wants(finding.entity_type, finding.score)}
        missing = [kind for kind in _HIDDEN if kind in policy.entities and kind not in masked]
        if missing:
            raise PolicyError(
                f"the policy would leave {missing[0]} of a sample call in clear ({code})",
                hint="check its thresholds, allow lists and recognizers with: redact explain",
            )
