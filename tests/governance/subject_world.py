"""What the tests of people's requests share: the command line over the stores of an office, and somebody who asks."""

from dataclasses import dataclass
from io import BytesIO, StringIO

from click.testing import CliRunner
from governance_world import Office

from redact import subjects
from redact.cli.main import cli
from redact.errors import RedactError
from redact.stores.consent import read_csv

NAME, PHONE, EMAIL = "Wilhelmina Quastenflosser", "06 39 98 11 77", "w.quasten@canary.example"
STREET, REFERENCE = "17 Canaryton Crescent", "KD-774193"
PERSON = f"name: {NAME}\naddress: {STREET}\naddress: Dublin\ncontact: {EMAIL}\n"
TERMS = f"phone: {PHONE}\ne-mail: {EMAIL}\nname: {NAME}\n"
TYPED = (NAME, PHONE, EMAIL, STREET, REFERENCE)


@dataclass(frozen=True)
class Told:
    """What a command answered: its exit code, and all that it printed."""

    code: int
    text: str
    error: RedactError | None = None

    @property
    def first(self) -> str:
        return self.text.split()[0]


def redact(office: Office, *args: str, typed: str = "") -> Told:
    """Run `redact` with the stores of an office."""
    done = CliRunner().invoke(cli, [*office.config, *args], input=typed)
    if isinstance(done.exception, RedactError):
        error = done.exception
        return Told(int(error.exit_code), f"{done.output}{error.message}\n{error.hint}", error)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Told(done.exit_code, done.output)


def indexed(office: Office, recording_id: str, *terms: tuple[str, str]) -> None:
    """Have terms be said in a recording, as the index has them."""
    forms = [(kind, form) for kind, typed in terms for forms in subjects.sought(kind, typed) for form in forms]
    office.kept.index.put(recording_id, forms)


def opened(office: Office, kind: str, language: str = "en", *, checked: bool = True) -> str:
    """A case of somebody who is known, with the first two recordings found."""
    indexed(office, office.ids[0], ("phone", PHONE))
    indexed(office, office.ids[1], ("email", EMAIL))
    case_id = redact(office, "subject", "open", kind, "-", "--language", language, typed=PERSON).first
    if checked:
        assert redact(office, "subject", "identity", case_id, "checked").code == 0
    return case_id


def confirmed(office: Office, kind: str, language: str = "en") -> str:
    """The same with both recordings confirmed."""
    case_id = opened(office, kind, language)
    assert redact(office, "subject", "find", case_id, "-", "--all", typed=TERMS).code == 0
    return case_id


def consented(office: Office, call_id: str, person: str) -> None:
    """Have a lawful basis be on record for somebody's call."""
    table = f"call_id,person,lawful_basis\n{call_id},{person},contract\n"
    office.kept.consent.add(read_csv(StringIO(table), office.kept.consent))


def content(chunks) -> BytesIO:
    return BytesIO(b"".join(chunks))
