"""Key files and identities: from where they come, and what is in them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyrage

from . import _age
from ._age import Passphrase
from ._payload import Payload, Summary, decode
from .errors import AdvparamsError, DamagedKey, WrongIdentity

MAX_FILE = 1_610_612_736  # 1.5 GiB
MAX_IDENTITY = 1 << 20
DEFAULT_WORK_FACTOR = 20

_PLAIN = b"advparams plain key"
_PLAIN_INTRO = b"advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n"


@dataclass(frozen=True)
class Env:
    """A key, an identity or both together are in an environment variable.

    A key is either armored or, as any other file, in base64. The secret stays in the
    environment of the process: its children inherit it, and its user and root can read it in
    /proc.
    """

    name: str

    def read(self) -> bytes:
        text = os.environ.get(self.name)
        if not text:
            raise AdvparamsError(
                f"the environment variable {self.name} is not set", "set it to the key or identity"
            )
        return text.encode("utf-8", "surrogateescape")


Key = bytes | bytearray | memoryview | str | os.PathLike[str] | Env
Identity = bytes | str | os.PathLike[str] | Env | Passphrase
Identities = Identity | Iterable[Identity] | None


def read_key(key: Key) -> bytes:
    """Returns the content of a key file."""
    if isinstance(key, Env):
        data = key.read()
        if _age.is_armored(data) or data.startswith((_PLAIN, b"age-encryption.org/")):
            return data
        try:
            return base64.b64decode(re.sub(rb"\s", b"", data), validate=True)
        except binascii.Error as e:
            raise DamagedKey(f"the key in {key.name} is neither armored nor base64") from e
    if isinstance(key, (bytes, bytearray, memoryview)):
        data = bytes(key)
    else:
        with open(key, "rb") as f:
            data = f.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise DamagedKey("damaged key: it has more than 1.5 GiB")
    return data


def parse_identities(identity: Identities) -> tuple[list[_age.Own], list[object]]:
    """Returns passphrases and post-quantum identities, and identities of pyrage."""
    own: list[_age.Own] = []
    others: list[object] = []
    if identity is None:
        return own, others
    if isinstance(identity, (bytes, str, os.PathLike, Env, Passphrase)):
        identity = [identity]
    for one in identity:
        if isinstance(one, Passphrase):
            own.append(one)
        elif isinstance(one, bytes):
            _parse(one, "identity", own, others)
        elif isinstance(one, Env):
            _parse(one.read(), one.name, own, others)
        elif isinstance(one, str) and one.lstrip().startswith(("AGE-", "#", "-----BEGIN ")):
            _parse(one.encode(), "identity", own, others)
        else:
            with open(one, "rb") as f:
                _parse(f.read(MAX_IDENTITY + 1), os.fspath(one), own, others)
    return own, others


def _parse(text: bytes, where: str, own: list[_age.Own], others: list[object]) -> None:
    """Reads an identity file. Errors never quote it."""
    if len(text) > MAX_IDENTITY:
        raise WrongIdentity(f"{where} is no identity file: it has more than {MAX_IDENTITY} bytes")
    if _age.is_age(text) or _age.is_armored(text):
        raise WrongIdentity(f"{where} is encrypted itself", "decrypt the identity file first with age -d")
    try:
        if text.startswith(b"-----BEGIN "):
            others.append(pyrage.ssh.Identity.from_buffer(text))
            return
        lines = [line.strip() for line in text.decode().splitlines()]
        secrets = [line for line in lines if line and not line.startswith("#")]
        if not secrets:
            raise ValueError("there is no identity in it")
        for secret in secrets:
            if secret.upper().startswith("AGE-SECRET-KEY-PQ-1"):
                own.append(_age.Hybrid(secret))
            elif secret.startswith("AGE-PLUGIN-"):
                others.append(_plugin(secret))
            else:
                others.append(pyrage.x25519.Identity.from_str(secret))
    except (pyrage.IdentityError, ValueError) as e:
        reason = "not text" if isinstance(e, UnicodeDecodeError) else e
        raise WrongIdentity(
            f"{where} cannot be read: {reason}",
            "identity files have a line AGE-SECRET-KEY-1… or AGE-PLUGIN-…, or are SSH private keys "
            "without a passphrase",
        ) from None


class _Silent:
    """Answers a plugin where there is nobody to ask."""

    def display_message(self, message: str) -> None:
        pass

    def confirm(self, message: str, yes: str, no: str | None) -> bool | None:
        return None

    def request_public_string(self, description: str) -> str | None:
        return None

    def request_passphrase(self, description: str) -> str | None:
        return None


def _plugin(secret: str) -> object:
    identity = pyrage.plugin.Identity.from_str(secret)
    try:
        return pyrage.plugin.IdentityPluginV1(identity.plugin(), [identity], _Silent())
    except pyrage.DecryptError as e:
        raise WrongIdentity(
            "age-plugin-" + identity.plugin() + " cannot be run: " + str(e).splitlines()[0],
            "install the plugin where PATH finds it",
        ) from None


@dataclass
class FileInfo:
    """A file of the model, before and after locking. Sizes are in bytes."""

    name: str
    size: int
    sha256: str
    locked_name: str
    locked_size: int
    locked_sha256: str


@dataclass
class KeyInfo:
    """What `inspect_key` finds. What follows `opened` is empty if that is False."""

    size: int  # of the key file, in bytes
    sealed: bool
    armored: bool
    recipients: list[str]  # types, such as X25519; a sealed key does not say who they are
    work_factor: int  # 2 to its power KiB of memory to try a passphrase; 0: there is none
    opened: bool = False
    format_version: int = 0
    tool: str = ""
    created: int = 0  # seconds since 1970; 0: not recorded
    summary: Summary = field(default_factory=Summary)
    files: list[FileInfo] = field(default_factory=list)
    steps: int = 0


def open_key(key: Key, identity: Identities, max_work_factor: int) -> Payload:
    """Opens, decodes and validates a key."""
    data = read_key(key)
    if data.startswith(_PLAIN):
        return decode(_plain(data))
    if _age.is_armored(data):
        data = _age.dearmor(data)
    elif not _age.is_age(data):
        raise _not_key(data)
    own, others = parse_identities(identity)
    return decode(_age.decrypt(data, own, others, max_work_factor))


def inspect_key(
    key: Key, identity: Identities = None, *, max_work_factor: int = DEFAULT_WORK_FACTOR
) -> KeyInfo:
    """Tells what a key says. Without an identity that is what anybody sees from outside."""
    data = read_key(key)
    info = KeyInfo(len(data), False, False, [], 0)
    if not data.startswith(_PLAIN):
        info.sealed, info.armored = True, _age.is_armored(data)
        if info.armored:
            data = _age.dearmor(data)
        elif not _age.is_age(data):
            raise _not_key(data)
        header = _age.header(data)
        info.recipients, info.work_factor = header.types, header.work_factor
        if identity is None:
            return info
    payload = open_key(data, identity, max_work_factor)
    info.opened, info.format_version, info.tool = True, payload.format_version, payload.tool
    info.created, info.summary, info.steps = payload.created, payload.summary, len(payload.steps)
    for f in payload.files:
        names = [os.fsdecode(name) for name in (f.name, f.locked_name)]
        info.files.append(
            FileInfo(names[0], f.size, f.sha256.hex(), names[1], f.locked_size, f.locked_sha256.hex())
        )
    return info


def _plain(data: bytes) -> bytes:
    if not data.startswith(_PLAIN_INTRO):
        raise DamagedKey(
            "the first line of this plain key is damaged or of another version",
            "if a newer advparams wrote it, update this package",
        )
    digest_end = len(_PLAIN_INTRO) + len(b"sha256 \n") + 64
    payload = data[digest_end:]
    if data[len(_PLAIN_INTRO) : digest_end] != b"sha256 %s\n" % hashlib.sha256(payload).hexdigest().encode():
        raise DamagedKey("the SHA-256 of this plain key does not match its content")
    return payload


def _not_key(data: bytes) -> DamagedKey:
    what = "this is no key file" if data else "the key file is empty"
    if b"AGE-SECRET-KEY-" in data[:512]:
        what = "this is an identity, which opens a key"
    return DamagedKey(what, "the key is the file that was written along with the locked model")
