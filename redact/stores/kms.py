"""Master keys in AWS KMS: they never leave it. Each key of a recording is sent there to be wrapped and unwrapped.

What a key is bound to goes along as the encryption context, so that KMS itself refuses one in another's place, and its
own log (CloudTrail) tells which recording's key was asked for. Keys that were unwrapped are kept in memory for a
while: a recording costs one request, and a page that plays it no more.
"""

import base64
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from redact.errors import CannotWrite, KeyMissing, ModelMissing, PolicyError
from redact.stores.master import KEY_CHANGED

SCHEME = "aws-kms:"
# What may be meant as a service: a word and a colon, and no folder before it.
_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FORM = re.compile(
    r"alias/[A-Za-z0-9/_-]{1,250}"
    r"|(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:(alias/[A-Za-z0-9/_-]{1,250}|key/[0-9a-f-]{36}|key/mrk-[0-9a-f]{32})"
)
_FORM_HINT = "give aws-kms:alias/NAME, aws-kms:KEY-ID, or aws-kms: and the ARN of a key or alias"
# So long, and so many, are unwrapped keys kept: whoever loses the right to use the master key loses them by then.
KEPT_S, MOST_KEPT = 300.0, 1000
# With four tries in all, what can't be reached is told after half a minute.
_CONNECT_S, _READ_S, _TRIES = 3, 10, 4
# Of boto3's error codes, those that come and go by themselves.
_LATER = frozenset(
    {"ThrottlingException", "DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException",
     "RequestLimitExceeded", "ServiceUnavailable", "InternalFailure"}
)  # fmt: skip
_WHY = {
    "DisabledException": ("is disabled", "enable it in KMS; nothing is lost until it is deleted"),
    "KMSInvalidStateException": ("can't be used as it stands", "see its state in KMS; cancel its deletion, if any"),
    "NotFoundException": ("is not there", "check master_keys, the region and the account"),
    "AccessDeniedException": ("refuses this account", "allow kms:Encrypt, kms:Decrypt and kms:DescribeKey"),
    "InvalidCiphertextException": (
        "does not open a recording's key: it was changed, or belongs to another",
        "restore the store of keys from its backup",
    ),
    "IncorrectKeyException": ("did not wrap this recording's key", "restore the store of keys from its backup"),
    "UnrecognizedClientException": ("does not know this account", "check the credentials of AWS"),
    "ExpiredTokenException": ("refuses credentials that have expired", "get new ones"),
    "InvalidClientTokenId": ("does not know this account", "check the credentials of AWS"),
    "InvalidSignatureException": ("refuses the credentials", "check the secret key, and this machine's clock"),
}
_T = TypeVar("_T")

for _name in ("botocore", "boto3", "urllib3"):
    # What they tell of requests, when somebody debugs, has the keys in it.
    logging.getLogger(_name).setLevel(logging.WARNING)


def is_named(master_keys: str) -> bool:
    """True where a setting names keys of KMS, and no file."""
    return master_keys.startswith(SCHEME)


def service(named: str) -> "KmsKeys | None":
    """The key service that the setting `master_keys` names; None where it names a file.

    Raises:
        PolicyError: it names a service that nobody knows, or one wrongly.
    """
    if is_named(named):
        return KmsKeys(named)
    if _SERVICE.match(named) and not Path(named).exists():
        raise PolicyError(
            "master_keys names a key service that nobody knows",
            hint=f"give the path of a file, or {SCHEME}alias/NAME for AWS KMS",
        )
    return None


@dataclass(frozen=True, slots=True)
class _Described:
    arn: str
    made_at: datetime


class KmsKeys:
    """A key of AWS KMS as `redact.stores.master.MasterKeys`.

    Credentials, region and endpoint come from where AWS's tools take them: environment, `~/.aws`, the machine's role.

    Args:
        named: `aws-kms:` and an alias, an id or an ARN.
        clock: seconds that only go on.

    Raises:
        PolicyError: it is no such name.
    """

    def __init__(self, named: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = named.removeprefix(SCHEME)
        self._form = _FORM.fullmatch(self._key)
        if not is_named(named) or self._form is None:
            raise PolicyError("master_keys names no key of AWS KMS", hint=_FORM_HINT)
        self._clock = clock
        self._kept: OrderedDict[tuple[str, bytes, bytes], tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def current(self) -> str:
        """Id of the key that wraps: the one that the alias leads to when this is first asked for."""
        return _short(self._described.arn)

    @property
    def made_at(self) -> Mapping[str, str]:
        """When the current key was made, by its id."""
        return {self.current: self._described.made_at.isoformat(timespec="seconds")}

    def holds(self, master_id: str) -> bool:
        """True for an id of a key of KMS, this one or one that an alias led to before."""
        return _long(master_id) is not None

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """A key, encrypted by KMS together with what it is bound to.

        Raises:
            KeyMissing: the master key is disabled, gone, or not for this account.
            CannotWrite: KMS can't be reached.
        """
        arn = self._described.arn
        answer = self._asked(
            lambda: self._client.encrypt(KeyId=arn, Plaintext=key, EncryptionContext=_context(bound_to))
        )
        wrapped = bytes(answer["CiphertextBlob"])
        self._keep((_short(arn), wrapped, bound_to), key)
        return wrapped

    def unwrap(self, master_id: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key again, from memory where it was unwrapped a moment ago.

        Raises:
            KeyMissing: the master key is disabled, gone, or not for this account; or what was wrapped is not what is
                given.
            CannotWrite: KMS can't be reached.
        """
        key_id = _long(master_id)
        if key_id is None:
            raise KeyMissing(
                f"the master key {master_id} is not one of AWS KMS",
                hint="it lay in a file: bring its keys here with: redact keys move",
            )
        kept = self._still_kept((master_id, wrapped, bound_to))
        if kept is not None:
            return kept
        # Named in full, so that no key of another account is believed.
        arn = self._described.arn.rpartition("/")[0] + "/" + key_id
        answer = self._asked(
            lambda: self._client.decrypt(KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=_context(bound_to))
        )
        key = bytes(answer["Plaintext"])
        self._keep((master_id, wrapped, bound_to), key)
        return key

    def _keep(self, of: tuple[str, bytes, bytes], key: bytes) -> None:
        with self._lock:
            self._kept[of] = self._clock() + KEPT_S, key
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def _still_kept(self, of: tuple[str, bytes, bytes]) -> bytes | None:
        with self._lock:
            now = self._clock()
            for old in [each for each, (until, _) in self._kept.items() if until <= now]:
                del self._kept[old]
            return self._kept[of][1] if of in self._kept else None

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError:
            raise ModelMissing(
                "the library for AWS KMS is not installed", hint='pip install "callredact[kms]"'
            ) from None
        config = Config(
            connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"mode": "standard", "total_max_attempts": _TRIES}
        )
        region = self._form.group("region") if self._form else None
        try:
            return boto3.session.Session().client("kms", region_name=region, config=config)
        except (BotoCoreError, ValueError) as error:
            raise _not_set(error) from None

    @cached_property
    def _described(self) -> _Described:
        told = self._asked(lambda: self._client.describe_key(KeyId=self._key))["KeyMetadata"]
        if told["KeyState"] != "Enabled":
            raise KeyMissing(
                f"the master key in AWS KMS is not enabled, but {_word(told['KeyState'])}",
                hint="enable it in KMS; nothing is lost until it is deleted",
            )
        if told.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
            raise PolicyError("the master key in AWS KMS is of a kind that can't wrap", hint="make a symmetric one")
        if _long(_short(told["Arn"])) is None:
            raise PolicyError("the master key in AWS KMS has an id of another form", hint=_FORM_HINT)
        return _Described(told["Arn"], told["CreationDate"])

    @staticmethod
    def _asked(ask: Callable[[], _T]) -> _T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask()
        except ClientError as error:
            raise _refused(str(error.response.get("Error", {}).get("Code", ""))) from None
        except BotoCoreError as error:
            raise _not_set(error) from None


def _refused(code: str) -> KeyMissing | CannotWrite:
    """What KMS answered, in our words; its own message may hold more than ids."""
    if code in _LATER:
        return CannotWrite("AWS KMS has no time now", hint="run it again later")
    what, hint = _WHY.get(code, (f"refuses ({_word(code)})", "look the word up in the API reference of AWS KMS"))
    reason = KEY_CHANGED if code in {"InvalidCiphertextException", "IncorrectKeyException"} else ""
    return KeyMissing(f"the master key in AWS KMS {what}", hint=hint, reason=reason)


def _not_set(error: Exception) -> KeyMissing | CannotWrite:
    """An error of the library itself: nothing was asked, or nobody answered."""
    kind = type(error).__name__
    if (
        "Credential" in kind
        or "Region" in kind
        or "Profile" in kind
        or "Token" in kind
        or isinstance(error, ValueError)
    ):
        return KeyMissing(
            f"AWS KMS can't be asked: credentials or region are missing or wrong ({kind})",
            hint="set them as AWS's tools want it: AWS_REGION, and a role, a profile or keys",
        )
    return CannotWrite(f"AWS KMS can't be reached ({kind})", hint="check the network; what is sealed stays as it is")


def _context(bound_to: bytes) -> dict[str, str]:
    return {"callredact": "data key 1", "bound_to": bound_to.decode("ascii")}


def _short(arn: str) -> str:
    """A key's id in 26 characters, as the store of keys has it: what kind it is, and its 16 bytes."""
    name = arn.rpartition("/")[2]
    try:
        raw = bytes.fromhex(name.removeprefix("mrk-").replace("-", ""))
    except ValueError:
        return name
    kind = "mrk" if name.startswith("mrk-") else "kms"
    return f"{kind}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def _long(master_id: str) -> str | None:
    """The id as KMS has it; None where it is no id of ours of a key of KMS."""
    kind, _, text = master_id.partition(".")
    if kind not in {"kms", "mrk"} or not re.fullmatch(r"[A-Za-z0-9_-]{22}", text):
        return None
    digits = base64.urlsafe_b64decode(text + "==").hex()
    if kind == "mrk":
        return f"mrk-{digits}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def shown(master_id: str) -> str:
    """A master key's id as whoever manages it knows it."""
    return _long(master_id) or master_id


def _word(text: object) -> str:
    return re.sub(r"[^A-Za-z]", "", str(text))[:40] or "unknown"
