"""Opens age files (age-encryption.org/v1).

pyrage opens what is encrypted to X25519 and SSH keys, and what plugins open. This module
reads the header, which pyrage does not show, and opens two kinds itself: passphrases, since
pyrage decides with a stopwatch how much work it does, and the post-quantum hybrid, which it
does not know.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import DamagedKey, NewerKey, TooMuchWork, WrongIdentity

_INTRO = b"age-encryption.org/"
_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_ARMOR_END = b"-----END AGE ENCRYPTED FILE-----"
_CHUNK = 64 << 10


@dataclass
class Stanza:
    """What one recipient needs to get the file key."""

    type: str
    args: list[str]
    body: bytes


@dataclass
class Header:
    stanzas: list[Stanza]
    text: bytes  # what the MAC is of
    mac: bytes
    length: int

    @property
    def types(self) -> list[str]:
        return [s.type for s in self.stanzas]

    @property
    def work_factor(self) -> int:
        """2 to its power is the N of scrypt; 0: there is no passphrase."""
        for s in self.stanzas:
            if s.type == "scrypt" and len(s.args) == 2:
                # No sign, no zero in front: only one spelling is valid.
                if not s.args[1].isdecimal() or s.args[1].startswith("0") or len(s.args[1]) > 2:
                    raise _damaged("its work factor is no number")
                return int(s.args[1])
        return 0


def is_age(data: bytes) -> bool:
    return data.startswith(_INTRO)


def is_armored(data: bytes) -> bool:
    return data[:4096].lstrip(b" \t\r\n").startswith(_ARMOR)


def _damaged(what: str) -> DamagedKey:
    return DamagedKey("damaged key: " + what)


def dearmor(data: bytes) -> bytes:
    """Decodes ASCII armor, as strictly as age does."""
    lines = data.strip(b" \t\r\n").replace(b"\r\n", b"\n").split(b"\n")
    if lines[0] != _ARMOR or lines[-1] != _ARMOR_END or len(lines) < 3:
        raise _damaged("its armor is not complete")
    body = lines[1:-1]
    if any(len(line) != 64 for line in body[:-1]) or not 0 < len(body[-1]) <= 64:
        raise _damaged("a line of its armor has not 64 characters")
    text = b"".join(body)
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise _damaged("its armor is not base64") from e
    if base64.b64encode(decoded) != text:
        raise _damaged("its armor is not base64 as it is written")
    return decoded


def _unpadded(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as e:
        raise _damaged("its header is not base64") from e
    if base64.b64encode(decoded).rstrip(b"=").decode() != text:
        raise _damaged("its header is not base64 as it is written")
    return decoded


def header(data: bytes) -> Header:
    """Reads the header of an age file that is not armored."""
    at = 0

    def line() -> str:
        nonlocal at
        end = data.find(b"\n", at, at + (1 << 16))
        if end < 0:
            raise _damaged("its header is cut off")
        text, at = data[at:end], end + 1
        if any(not 32 <= c < 127 for c in text):
            raise _damaged("its header is not text")
        return text.decode("ascii")

    version = line()
    if version != "age-encryption.org/v1":
        raise NewerKey(f"the key is an age file of another version, {version!r}")
    stanzas: list[Stanza] = []
    while True:
        begin = at
        words = line().split(" ")
        if words[0] == "---" and len(words) == 2:
            return Header(stanzas, data[: begin + 3], _unpadded(words[1]), at)
        if words[0] != "->" or len(words) < 2 or "" in words:
            raise _damaged("its header is no header of age")
        body: list[str] = []
        while not body or len(body[-1]) == 64:
            body.append(line())
            if len(body[-1]) > 64:
                raise _damaged("a line of its header is too long")
        stanzas.append(Stanza(words[1], words[2:], _unpadded("".join(body))))


class Passphrase:
    """A passphrase that a key is sealed with."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Passphrase(…)"

    def file_key(self, h: Header, max_work_factor: int) -> bytes | None:
        for s in h.stanzas:
            if s.type != "scrypt":
                continue
            if len(h.stanzas) != 1 or len(s.args) != 2 or len(s.body) != 32:
                raise _damaged("a passphrase is never one of several recipients")
            salt, work = _unpadded(s.args[0]), h.work_factor
            if len(salt) != 16:
                raise _damaged("its salt has not 16 bytes")
            if work > max_work_factor:
                raise TooMuchWork(
                    f"the key asks for 2^{work} KiB of memory to try a passphrase; "
                    f"2^{max_work_factor} KiB are allowed"
                )
            wrapping = hashlib.scrypt(
                self._text.encode(),
                salt=b"age-encryption.org/v1/scrypt" + salt,
                n=1 << work,
                r=8,
                p=1,
                maxmem=(1 << work) * 1024 + (1 << 24),
                dklen=32,
            )
            return _open(wrapping, bytes(12), s.body)
        return None


class Hybrid:
    """A post-quantum identity, AGE-SECRET-KEY-PQ-1…: ML-KEM-768 and X25519 together."""

    PREFIX = "age-secret-key-pq-"

    def __init__(self, text: str) -> None:
        seed = bech32(text, self.PREFIX)
        if len(seed) != 32:
            raise ValueError("this post-quantum identity has not 32 bytes")
        try:
            from cryptography.hazmat.primitives import hpke
            from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

            expanded = hashlib.shake_256(seed).digest(96)
            self._key = hpke.MLKEM768X25519PrivateKey(
                mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
                x25519.X25519PrivateKey.from_private_bytes(expanded[64:]),
            )
            self._suite = hpke.Suite(
                hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305
            )
        except (ImportError, AttributeError) as e:
            raise ValueError("post-quantum identities need a newer cryptography, such as 50") from e

    def __repr__(self) -> str:
        return "Hybrid(…)"

    def file_key(self, h: Header, max_work_factor: int) -> bytes | None:
        for s in h.stanzas:
            if s.type == "mlkem768x25519" and len(s.args) == 1:
                try:
                    return self._suite.decrypt(
                        _unpadded(s.args[0]) + s.body, self._key, b"age-encryption.org/mlkem768x25519"
                    )
                except (InvalidTag, ValueError):
                    continue
        return None


Own = Passphrase | Hybrid


def decrypt(data: bytes, own: Sequence[Own], others: Sequence[object], max_work_factor: int) -> bytes:
    """Returns the plaintext of an age file that is not armored.

    The `others` are identities of pyrage.
    """
    h = header(data)
    for identity in own:
        file_key = identity.file_key(h, max_work_factor)
        if file_key is not None:
            return _payload(data, h, file_key)
    if others and "scrypt" not in h.types:
        try:
            return bytes(pyrage.decrypt(data, others))
        except pyrage.DecryptError as e:
            # There is one error for all; what is wrong is in its text.
            if "No matching keys" not in str(e) and "plugin" not in str(e):
                raise _damaged(str(e)) from e
    raise wrong_identity(h)


def wrong_identity(h: Header) -> WrongIdentity:
    if "scrypt" in h.types:
        return WrongIdentity("wrong or missing passphrase", "give the passphrase it was sealed with")
    return WrongIdentity("wrong or missing identity; the key is sealed to " + ", ".join(h.types))


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def _open(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        return None


def _payload(data: bytes, h: Header, file_key: bytes) -> bytes:
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), h.text, "sha256")
    if len(file_key) != 16 or not hmac.compare_digest(mac, h.mac):
        raise _damaged("its header was changed")
    if len(data) < h.length + 16:
        raise _damaged("it is cut off")
    key = _hkdf(file_key, data[h.length : h.length + 16], b"payload")
    out: list[bytes] = []
    at, end, step = h.length + 16, len(data), _CHUNK + 16
    n = 0
    while at < end or n == 0:
        last = at + step >= end
        chunk = _open(key, n.to_bytes(11, "big") + bytes([last]), data[at : at + step])
        if chunk is None or (last and n > 0 and not chunk):
            raise _damaged("it was changed, or is cut off")
        out.append(chunk)
        at, n = at + step, n + 1
    return b"".join(out)


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def bech32(text: str, prefix: str) -> bytes:
    """Decodes Bech32 (BIP 173), without its limit on the length, as age uses it."""
    if text.lower() != text and text.upper() != text:
        raise ValueError("an identity in mixed case")
    hrp, _, digits = text.lower().rpartition("1")
    if hrp != prefix or any(c not in _BECH32 for c in digits) or len(digits) < 6:
        raise ValueError("this is no identity of age")
    values = [_BECH32.index(c) for c in digits]
    check = 1
    for v in [*(ord(c) >> 5 for c in hrp), 0, *(ord(c) & 31 for c in hrp), *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate(_GENERATOR):
            check ^= g if top >> i & 1 else 0
    if check != 1:
        raise ValueError("an identity with a typing error")
    bits = 0
    for v in values[:-6]:
        bits = bits << 5 | v
    spare = 5 * (len(values) - 6) % 8
    if spare > 4 or bits & ((1 << spare) - 1):
        raise ValueError("this is no identity of age")
    return (bits >> spare).to_bytes(5 * (len(values) - 6) // 8, "big")
