"""What people are told before they are recorded (GDPR, Art. 13): on the telephone, on the web, and by the agent.

All three are made from the organisation's file. Each has a version, and is known by the SHA-256 of its bytes, to which
the rows of consent point: what somebody agreed to can be read again, to the letter.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from redact import paper
from redact.errors import PolicyError, UsageError
from redact.governance.organisation import Activity, Limit, Organisation
from redact.governance.prose import (
    contact,
    day,
    empty,
    empty_contact,
    empty_of_activities,
    joined,
    months,
    refuse_gaps,
    term,
    transfers,
    typeset,
)
from redact.governance.words import words
from redact.stores.cases import said as at
from redact.stores.consent import Consent
from redact.stores.notices import Form, Notice, Notices

# A slow reading, as telephone announcements are: so the estimate is rather too long than too short.
WORDS_A_MINUTE = 150
# CNIL and EDPB want the first layer short, and set no figure: who waits longer has stopped listening.
LONGEST_S = 20.0
# People may object where one of these is the basis (GDPR, Art. 21(1)).
_OBJECTED_TO = frozenset({"legitimate_interest", "public_task"})
_NOTICE_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
# What is read out one by one, or in pairs, where it stands in an address or a number.
_SPOKEN = re.compile(r"\d{1,2}|[^\W\d_]+(?:[’'-][^\W\d_]+)*|[./@_+#&%€-]")


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made.

    Attributes:
        notices: the texts that hold from now on, of the languages that were asked for.
        is_new: False where they are what they were before.
        seconds: that the announcement takes, by language.
    """

    notices: tuple[Notice, ...]
    is_new: bool
    seconds: Mapping[str, float]


def gaps(organisation: Organisation) -> list[str]:
    """The keys that Art. 13 wants and that are empty, in the order of the file."""
    found = empty_contact(organisation.controller, "controller")
    if organisation.representative is not None:
        found += empty_contact(organisation.representative, "representative")
    found += empty_contact(organisation.dpo, "dpo", ("contact",))
    found += empty_contact(organisation.authority, "authority")
    found += empty({"website": organisation.website})
    found += empty_of_activities(organisation, ("name", "purposes", "lawful_basis", "recipients"))
    return found + empty({"automated_decisions": organisation.automated_decisions, "provision": organisation.provision})


def build(
    organisations: Mapping[str, Organisation], notices: Notices, notice_id: str, now: datetime | None = None
) -> Built:
    """Make the texts, and keep them as a new version where one has changed.

    Args:
        organisations: who records, as told in each language that is asked for.
        notices: where versions are kept.
        notice_id: of them all.
        now: from when a new version holds; None for this moment.

    Raises:
        UsageError: the id can't be one.
        PolicyError: something that Art. 13 wants is missing, or the announcement is too long.
    """
    check_id(notice_id)
    seconds = {language: _checked(each, language) for language, each in organisations.items()}
    before = notices.newest(notice_id)
    again = [
        _notice(organisation, language, form, last)
        for language, organisation in organisations.items()
        for form in ("ivr", "web", "agent")
        if (last := before.get((language, form)))
    ]
    if len(again) == 3 * len(organisations) and all(before[each.language, each.form] == each for each in again):
        return Built(tuple(again), False, seconds)
    version = max((each.version for each in before.values()), default=0) + 1
    begins = at(now or datetime.now(UTC))
    forms: tuple[Form, ...] = ("ivr", "web", "agent")
    new = tuple(
        _notice(organisation, language, form, Notice(notice_id, version, language, form, "", begins, ""))
        for language, organisation in organisations.items()
        for form in forms
    )
    notices.add(new)
    return Built(new, True, seconds)


def check_id(notice_id: str) -> None:
    """Refuse what can't be a notice's id.

    Raises:
        UsageError: it can't be one.
    """
    if not _NOTICE_ID.fullmatch(notice_id):
        raise UsageError("the notice's id is not one", hint="use small letters, digits and -, 40 at most")


def _checked(organisation: Organisation, language: str) -> float:
    """Seconds of the announcement, where nothing is missing and it is not too long."""
    if organisation.role == "processor":
        raise PolicyError(
            "a processor's callers are told by its controllers", hint="make the notice from the controller's file"
        )
    refuse_gaps("the notice", gaps(organisation))
    seconds = spoken_s(announcement(organisation, language))
    if seconds > LONGEST_S:
        raise PolicyError(
            f"the announcement in {language!r} takes {seconds:.0f} s, which nobody listens to: {LONGEST_S:.0f} at most",
            hint="shorten controller.name, the purposes or the website: the whole is told there",
        )
    return seconds


def _notice(organisation: Organisation, language: str, form: Form, like: Notice) -> Notice:
    """A text, with the version and time of another."""
    if form == "ivr":
        content = announcement(organisation, language)
    elif form == "agent":
        content = script(organisation, language)
    else:
        content = page(organisation, language, like.version, like.valid_from)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Notice(like.notice_id, like.version, language, form, digest, like.valid_from, content)


def spoken_s(text: str) -> float:
    """Seconds that reading a text aloud takes, about: addresses by parts and signs, numbers in pairs of digits."""
    count = sum(
        len(_SPOKEN.findall(token)) if re.search(r"[\d/@]|\w\.\w", token) else bool(re.search(r"\w", token))
        for token in text.split()
    )
    return 60 * count / WORDS_A_MINUTE


def announcement(organisation: Organisation, language: str) -> str:
    """What is said before a call is recorded: the first layer, with where to find the rest."""
    said = words("notices", language)
    parts = [
        said["ivr_who"].format(controller=organisation.controller.name, purposes=_purposes(organisation, language)),
        *_choices(organisation, "ivr", language),
        said["ivr_kept"].format(months=months(_months(organisation), language)),
        said["ivr_more"].format(website=_spoken_address(organisation.website)),
    ]
    return typeset(" ".join(parts), language) + "\n"


def script(organisation: Organisation, language: str) -> str:
    """What an agent says, at the beginning and when asked."""
    said = words("notices", language)
    contacts = {
        "controller": organisation.controller.name, "purposes": _purposes(organisation, language),
        "months": months(_months(organisation), language), "website": organisation.website,
        "analyses": months(organisation.retention.analyses.months, language),
        "dpo": organisation.dpo.contact, "authority": _authority(organisation, said),
        "recipients": joined(_all(organisation, "recipients"), said["and"]),
    }  # fmt: skip
    wanted = [
        _beginning(organisation),
        "why",
        "how_long",
        "who_hears",
        "rights",
        *_choices(organisation, "key", language),
        "codes",
    ]
    lines = [f"{said[f'agent_{key}']}\n  {said[f'agent_{key}_say'].format(**contacts)}" for key in wanted]
    return typeset(f"{said['agent_title']}\n\n" + "\n\n".join(lines), language) + "\n"


def _beginning(organisation: Organisation) -> str:
    """Which words a call begins with: consent is asked for before anything is recorded, an objection is offered."""
    bases = {each.lawful_basis for each in organisation.activities}
    if "consent" in bases:
        return "begin_consent"
    return "begin_object" if bases & _OBJECTED_TO else "begin"


def _authority(organisation: Organisation, said: Mapping[str, str]) -> str:
    """As it is called within a sentence."""
    name = organisation.authority.name
    return said["authority_cnil"] if name.strip() == "CNIL" else said["authority_other"].format(name=name)


def page(organisation: Organisation, language: str, version: int, valid_from: str) -> str:
    """All that Art. 13 wants told, for the web."""
    said = words("notices", language)
    parts = [
        f"<h1>{said['title']}</h1>",
        f'<p class="what">{said["version"].format(version=version, day=day(valid_from, language))}</p>',
        paper.facts(said["who"], _who(organisation, said)),
        *(_of_activity(each, organisation, language) for each in organisation.activities),
        paper.facts(said["rights"], _rights(organisation, language)),
        f"<p>{said['redacted']}</p>",
    ]
    return typeset(paper.page(said["title"], parts, language), language)


def _who(organisation: Organisation, said: Mapping[str, str]) -> dict[str, str | Sequence[str]]:
    told: dict[str, str | Sequence[str]] = {said["controller"]: contact(organisation.controller)}
    for number, each in enumerate(organisation.joint_controllers, 1):
        told[f"{said['joint_controller']} {number}"] = contact(each)
    if organisation.representative:
        told[said["representative"]] = contact(organisation.representative)
    return {**told, said["dpo"]: contact(organisation.dpo)}


def _of_activity(activity: Activity, organisation: Organisation, language: str) -> str:
    said = words("notices", language)
    limit = getattr(organisation.retention, activity.retention)
    told: dict[str, str | Sequence[str]] = {
        said["purposes"]: activity.purposes,
        said["lawful_basis"]: term(activity.lawful_basis or "", language),
        said["legitimate_interest"]: activity.legitimate_interest,
        said["data_categories"]: activity.data_categories,
        said["recipients"]: activity.recipients,
        said["transfers"]: transfers(activity, language) or said["no_transfers"],
    }
    if activity.transfers:
        told[said["safeguards"]] = said["safeguards_how"].format(dpo=organisation.dpo.contact)
    told[said["retention"]] = said["kept_longer"].format(months=months(limit.months, language))
    if activity.retention == "recordings":
        told[said["analyses"]] = months(organisation.retention.analyses.months, language)
    return paper.facts(activity.name, {name: what for name, what in told.items() if what})


def _rights(organisation: Organisation, language: str) -> dict[str, str | Sequence[str]]:
    said = words("notices", language)
    bases = {each.lawful_basis for each in organisation.activities}
    rights = [said["access"], said["rectify"], said["erase"], said["restrict"]]
    rights += [said["object"]] if bases & _OBJECTED_TO else []
    rights += [said["port"]] if bases & {"consent", "contract"} else []
    rights += [said["after_death"]] if language == "fr" else []
    told: dict[str, str | Sequence[str]] = {said["your_rights"]: rights}
    if "consent" in bases:
        told[said["withdrawal"]] = said["withdraw"]
    told[said["ask"]] = _how_to_ask(organisation, language)
    told[said["complaint"]] = contact(organisation.authority)
    told[said["provision"]] = organisation.provision
    if organisation.source.strip():
        told[said["source"]] = organisation.source
    return {**told, said["automated"]: organisation.automated_decisions}


def _how_to_ask(organisation: Organisation, language: str) -> str:
    """Where to write, and when an answer comes (GDPR, Art. 12(3))."""
    said, limits = words("notices", language), organisation.requests
    how = said["ask_how"].format(dpo=organisation.dpo.contact, months=months(limits.months, language))
    if not limits.extension_months:
        return how
    return f"{how} {said['ask_longer'].format(months=months(limits.extension_months, language))}"


def _choices(organisation: Organisation, form: str, language: str) -> list[str]:
    """What a caller can choose, by the lawful bases: sentences of the announcement, or keys of the script."""
    said = words("notices", language)
    bases = {each.lawful_basis for each in organisation.activities}
    found = []
    if "consent" in bases:
        found.append(said["ivr_consent"] if form == "ivr" else "withdraw")
    if bases & _OBJECTED_TO:
        found.append(said["ivr_object"] if form == "ivr" else "object")
    return found


def _purposes(organisation: Organisation, language: str) -> str:
    return joined(_all(organisation, "purposes"), words("notices", language)["and"])


def _all(organisation: Organisation, name: str) -> list[str]:
    """What activities say, each thing once."""
    return list(dict.fromkeys(each for activity in organisation.activities for each in getattr(activity, name)))


def _months(organisation: Organisation) -> int:
    """The longest that anything of an activity is kept."""
    kept: list[Limit] = [getattr(organisation.retention, each.retention) for each in organisation.activities]
    return max(each.months for each in kept)


def _spoken_address(website: str) -> str:
    return re.sub(r"^https?://(www\.)?", "", website).rstrip("/")


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether rows of consent point to notices that there are.

    Attributes:
        known: how many do.
        unknown: ids of calls whose row names a hash that no notice has.
        other: ids of those whose hash is of a notice with another id.
        early: ids of those whose consent was given before the text was valid: nobody can have been told it then.
        unhashed: how many rows of consent name no hash: what was heard can't be proven from them.
    """

    known: int
    unknown: tuple[str, ...]
    other: tuple[str, ...]
    early: tuple[str, ...]
    unhashed: int


def check(consent: Consent, notices: Notices) -> Checked:
    """Look up the notice of every row of consent, by its hash."""
    made: dict[str, set[str]] = {}
    begins: dict[str, datetime] = {}
    for notice in notices.all():
        made.setdefault(notice.sha256, set()).add(notice.notice_id)
        began = datetime.fromisoformat(notice.valid_from)
        begins[notice.sha256] = min(begins.get(notice.sha256, began), began)
    count = Counter[str]()
    unknown, other, early = [], [], []
    for call_id, basis, notice_id, digest, given_at in consent.notices():
        if not digest:
            count["unhashed"] += basis == "consent"
        elif digest not in made:
            unknown.append(call_id)
        elif notice_id and notice_id not in made[digest]:
            other.append(call_id)
        elif basis == "consent" and given_at and datetime.fromisoformat(given_at) < begins[digest]:
            early.append(call_id)
        else:
            count["known"] += 1
    return Checked(count["known"], tuple(unknown), tuple(other), tuple(early), count["unhashed"])
