"""Keys and identities from everywhere, and what is wrong with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pyrage
import pytest
from conftest import CORPUS, ROOT, Locker
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

import advparams
from advparams import _age, _wire

VECTORS = ROOT / "testdata" / "vectors" / "keys"
PLAIN = (VECTORS / "patches" / "model.key").read_bytes()
LOCKED = VECTORS / "patches" / "locked.onnx"
ORIGINAL = (VECTORS / "patches" / "original" / "model.onnx").read_bytes()
INTRO = PLAIN[: PLAIN.index(b"sha256 ")]
PAYLOAD = PLAIN[len(INTRO) + len("sha256 \n") + 64 :]


def plain(payload: bytes) -> bytes:
    """A plain key with another payload."""
    return INTRO + b"sha256 %s\n" % hashlib.sha256(payload).hexdigest().encode() + payload


def test_plain_is_made_alike() -> None:
    assert plain(PAYLOAD) == PLAIN


def test_where_keys_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = VECTORS / "patches" / "model.key"
    monkeypatch.setenv("MODEL_KEY", base64.encodebytes(PLAIN).decode())
    for key in (path, str(path), PLAIN, bytearray(PLAIN), memoryview(PLAIN), advparams.Env("MODEL_KEY")):
        assert advparams.unlock(LOCKED, key) == ORIGINAL
    with pytest.raises(advparams.AdvparamsError, match="NO_SUCH_KEY"):
        advparams.unlock(LOCKED, advparams.Env("NO_SUCH_KEY"))


def test_where_identities_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    armored = pyrage.encrypt(PAYLOAD, [mine.to_public()], armored=True)
    binary = pyrage.encrypt(PAYLOAD, [other.to_public(), mine.to_public()])
    text = f"# a comment\n\n{mine}\n"
    path = tmp_path / "me.txt"
    path.write_text(text)
    monkeypatch.setenv("ME", text)
    monkeypatch.setenv("MODEL_KEY", armored.decode())
    for identity in (path, str(path), text, str(mine), text.encode(), advparams.Env("ME"), [str(mine)]):
        for key in (armored, binary, advparams.Env("MODEL_KEY")):
            assert advparams.unlock(LOCKED, key, identity) == ORIGINAL
    info = advparams.inspect_key(binary)
    assert (info.sealed, info.armored, info.opened) == (True, False, False)
    # age adds a stanza without a meaning, so that readers do not count on there being none.
    assert [t for t in info.recipients if not t.endswith("-grease")] == ["X25519", "X25519"]
    assert (
        advparams.inspect_key(armored, text).summary.changed == advparams.inspect_key(PLAIN).summary.changed
    )
    with pytest.raises(advparams.WrongIdentity) as caught:
        advparams.unlock(LOCKED, armored, str(other))
    assert "X25519" in str(caught.value) and caught.value.hint
    for nothing in (None, [], advparams.Passphrase("no")):
        with pytest.raises(advparams.WrongIdentity):
            advparams.unlock(LOCKED, armored, nothing)


def test_passphrase() -> None:
    key = pyrage.passphrase.encrypt(PAYLOAD, "four words of mine")
    work = advparams.inspect_key(key).work_factor
    assert work > 0
    identity = advparams.Passphrase("four words of mine")
    assert advparams.unlock(LOCKED, key, identity, max_work_factor=max(20, work)) == ORIGINAL
    assert "four" not in repr(identity)
    asks = re.sub(rb"(-> scrypt \S+) \d+", rb"\1 40", key)
    with pytest.raises(advparams.TooMuchWork, match="2\\^40 KiB"):
        advparams.unlock(LOCKED, asks, identity)
    with pytest.raises(advparams.DamagedKey):
        advparams.unlock(LOCKED, re.sub(rb"(-> scrypt \S+) \d+", rb"\1 +9", key), identity)


def sealed(head: bytes, file_key: bytes, payload: bytes) -> bytes:
    """An age file whose header begins with head and wraps a file key."""
    head += b"---"
    mac = hmac.digest(_age._hkdf(file_key, b"", b"header"), head, "sha256")
    nonce = bytes(range(16))
    aead = ChaCha20Poly1305(_age._hkdf(file_key, nonce, b"payload"))
    chunks = [payload[at : at + 65536] for at in range(0, len(payload), 65536)] or [b""]
    out = [
        aead.encrypt(n.to_bytes(11, "big") + bytes([n == len(chunks) - 1]), chunk, None)
        for n, chunk in enumerate(chunks)
    ]
    return head + b" " + base64.b64encode(mac).rstrip(b"=") + b"\n" + nonce + b"".join(out)


def by_passphrase(text: str, payload: bytes, work: int = 4) -> bytes:
    """Seals with little work, which pyrage cannot."""
    salt, file_key = bytes(16), bytes(range(16))
    salted = b"age-encryption.org/v1/scrypt" + salt
    wrapping = hashlib.scrypt(text.encode(), salt=salted, n=1 << work, r=8, p=1, dklen=32)
    body = base64.b64encode(ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)).rstrip(b"=")
    args = base64.b64encode(salt).rstrip(b"=") + b" %d" % work
    return sealed(b"age-encryption.org/v1\n-> scrypt " + args + b"\n" + body + b"\n", file_key, payload)


def test_long_payload() -> None:
    """Several chunks of age, and damage in each part of the file."""
    payload = bytes(3 * 65536)
    identity = advparams.Passphrase("p")
    for size in (0, 1, 65536, 65537, len(payload)):
        data = by_passphrase("p", payload[:size])
        assert pyrage.passphrase.decrypt(data, "p") == payload[:size]
        assert _age.decrypt(data, [identity], [], 20) == payload[:size]
    for cut in (-1, -16, -65552, -2 * 65552):
        with pytest.raises(advparams.DamagedKey):
            _age.decrypt(data[:cut], [identity], [], 20)
    for at in (-70000, 40, data.index(b"---") + 8):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(advparams.AdvparamsError):
            _age.decrypt(bytes(damaged), [identity], [], 20)


def test_keys_of_the_command(locker: Locker, tmp_path: Path) -> None:
    """Every kind of recipient that the command seals to."""
    model = CORPUS / "conv_batchnorm__ts.onnx"
    hybrid = tmp_path / "hybrid.txt"
    locker.run("keygen", "--pq", "-o", hybrid)
    public = re.search("age1pq1[a-z0-9]+", hybrid.read_text())
    assert public
    recipients = [("-r", public[0], str(hybrid))]
    if shutil.which("ssh-keygen"):
        for kind in ("ed25519", "rsa"):
            name = tmp_path / kind
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", name], check=True)
            recipients.append(("-r", name.with_suffix(".pub").read_text().strip(), str(name)))
    for n, (flag, recipient, identity) in enumerate(recipients):
        locked, key = tmp_path / f"{n}.onnx", tmp_path / f"{n}.key"
        locker.run("protect", model, "--profile", "sealed", "-o", locked, "--key", key, flag, recipient)
        assert advparams.unlock(locked, key, identity) == model.read_bytes()
        with pytest.raises(advparams.WrongIdentity):
            advparams.unlock(locked, key, locker.identity)
    locked, key = tmp_path / "p.onnx", tmp_path / "p.key"
    locker.run("protect", model, "--profile", "sealed", "-o", locked, "--key", key, "--passphrase",
               env={"ADVPARAMS_PASSPHRASE": "four words of mine"})  # fmt: skip
    assert advparams.unlock(locked, key, advparams.Passphrase("four words of mine")) == model.read_bytes()
    info = advparams.inspect_key(key, advparams.Passphrase("four words of mine"))
    assert info.summary.profile == "sealed" and info.files[0].size == model.stat().st_size


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "AGE-SECRET-KEY-1QQQQ", "AGE-SECRET-KEY-PQ-1QQQQ", "AGE-PLUGIN-NOSUCH-1QQQQ",
     "-----BEGIN OPENSSH PRIVATE KEY-----\nx", "age-encryption.org/v1\n", "\xff"],
)  # fmt: skip
def test_no_identity(text: str) -> None:
    key = pyrage.encrypt(PAYLOAD, [pyrage.x25519.Identity.generate().to_public()])
    with pytest.raises(advparams.WrongIdentity) as caught:
        advparams.unlock(LOCKED, key, text.encode("latin-1"))
    assert caught.value.hint and "QQQQ" not in str(caught.value)


def test_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin is run from PATH, and hands out the file key over its standard output."""
    identity = bech32_of_nothing("age-plugin-nosuch-")
    assert _age.bech32(identity, "age-plugin-nosuch-") == b""
    file_key = bytes(range(16))
    key = sealed(b"age-encryption.org/v1\n-> nosuch\n\n", file_key, PAYLOAD)
    with pytest.raises(advparams.WrongIdentity, match="age-plugin-nosuch cannot be run") as caught:
        advparams.unlock(LOCKED, key, identity)
    assert "PATH" in caught.value.hint
    program = tmp_path / "age-plugin-nosuch"
    encoded = base64.b64encode(file_key).rstrip(b"=").decode()
    program.write_text(
        "#!/bin/sh\n"
        'while read -r a b rest; do [ "$b" = done ] && break; done; read -r rest\n'
        f"printf -- '-> file-key 0\\n{encoded}\\n'; read -r a; read -r b\n"
        "printf -- '-> done\\n\\n'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert advparams.unlock(LOCKED, key, identity) == ORIGINAL


def bech32_of_nothing(prefix: str) -> str:
    """An identity of a plugin without data."""
    check = 1
    for v in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), 0, 0, 0, 0, 0, 0]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate(_age._GENERATOR):
            check ^= g if top >> i & 1 else 0
    check ^= 1
    return (prefix + "1" + "".join(_age._BECH32[check >> 5 * (5 - i) & 31] for i in range(6))).upper()


def field(number: int, content: bytes) -> bytes:
    return _wire.encoded(number << 3 | 2) + _wire.encoded(len(content)) + content


def split(payload: bytes) -> list[tuple[int, bytes]]:
    """The fields of a payload with what encodes them."""
    out, at = [], 0
    while at < len(payload):
        number, _, _, end = _wire._field(memoryview(payload), at, 0)
        out.append((number, payload[at:end]))
        at = end
    return out


BEFORE = b"".join(part for number, part in split(PAYLOAD) if number < 7)


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param(PAYLOAD.replace(b"\x10\x01", b"\x10\x04", 1), advparams.NewerKey, id="version"),
        pytest.param(PAYLOAD.replace(b"\x10\x01", b"\x10\x00", 1), advparams.NewerKey, id="version-0"),
        pytest.param(PAYLOAD + b"\x50\x01", advparams.NewerKey, id="field"),
        pytest.param(BEFORE.replace(b"\x10\x01", b"\x10\x03", 1), advparams.DamagedKey, id="no-steps"),
        pytest.param(PAYLOAD + field(9, field(5, b"")), advparams.NewerKey, id="step"),
        pytest.param(PAYLOAD + field(9, field(4, b"\x08\x02")), advparams.DamagedKey, id="step-in-version-1"),
        pytest.param(PAYLOAD.replace(b"\x10\x01", b"\x10\x03", 1), advparams.DamagedKey, id="patches-in-3"),
        pytest.param(BEFORE.replace(b"\x10\x01", b"\x10\x03", 1) + field(9, field(4, b"\x08\x02")),
                     advparams.NewerKey, id="cipher"),
        pytest.param(PAYLOAD.replace(b"advparams key", b"advparams kez"), advparams.DamagedKey, id="magic"),
        pytest.param(PAYLOAD[:-1], advparams.DamagedKey, id="cut"),
        pytest.param(PAYLOAD + field(7, b"\x18\x01\x20\x04\x28\x03"), advparams.DamagedKey, id="width"),
        pytest.param(PAYLOAD + field(7, b"\x10\x05\x20\x04\x28\x04"), advparams.DamagedKey, id="file"),
        pytest.param(PAYLOAD + field(8, b"\x10\xff\xff\xff\x7f\x18\x01\x22\x01a"),
                     advparams.DamagedKey, id="outside"),
        pytest.param(PAYLOAD + field(8, b"\x18\x02\x22\x01a"), advparams.DamagedKey, id="size"),
        pytest.param(PAYLOAD + field(7, b"\x18\x00\x20\x01\x28\x01\x32\x02\x01\x00\x3a\x02ab"),
                     advparams.DamagedKey, id="positions"),
        pytest.param(PAYLOAD + field(7, b"\x20\x01\x28\x01\x32\x01\x01\x3a\x01a") * 2,
                     advparams.DamagedKey, id="twice"),
        pytest.param(PAYLOAD + field(7, b"\x20\x01\x28\x01\x32\x01\x01\x40\x80\x01"),
                     advparams.DamagedKey, id="flip-in-1"),
        pytest.param(PAYLOAD + field(7, b"\x20\x01\x28\x01\x32\x0a" + b"\xff" * 9 + b"\x01\x3a\x01a"),
                     advparams.DamagedKey, id="far-position"),
        pytest.param(PAYLOAD + field(6, b""), advparams.DamagedKey, id="digest"),
        pytest.param(PAYLOAD + b"\x0b\x0c", advparams.NewerKey, id="group"),
        pytest.param(PAYLOAD + b"\x0b", advparams.DamagedKey, id="open-group"),
    ],
)  # fmt: skip
def test_damaged_payload(payload: bytes, error: type[advparams.AdvparamsError]) -> None:
    assert payload != PAYLOAD
    with pytest.raises(advparams.DamagedKey) as caught:
        advparams.unlock(LOCKED, plain(payload))
    assert type(caught.value) is error and caught.value.hint


def test_summary_may_grow() -> None:
    more = PAYLOAD + field(5, field(200, b"new") + b"\xa3\x06\x08\x01\xa4\x06")
    assert advparams.unlock(LOCKED, plain(more)) == ORIGINAL


@pytest.mark.parametrize("name", [b"../x", b"/x", b"a/../../x", b"", b".", b"a\0b", b"a//../..//b"])
def test_names_stay_inside(name: bytes) -> None:
    content = next(value for n, _, value in _wire.fields(memoryview(PAYLOAD)) if n == 6)
    for number in (1, 2):
        parts = split(bytes(content))
        file = b"".join(field(number, name) if n == number else part for n, part in parts)
        payload = b"".join(field(6, file) if n == 6 else part for n, part in split(PAYLOAD))
        with pytest.raises(advparams.DamagedKey, match="leaves the folder"):
            advparams.unlock(LOCKED, plain(payload))


def test_wrong_model(tmp_path: Path) -> None:
    data = bytearray(LOCKED.read_bytes())
    data[-1] ^= 1
    wrong = tmp_path / "wrong.onnx"
    for content, what in ((bytes(data), "SHA-256"), (data[:-1], "bytes"), (ORIGINAL, "original already")):
        wrong.write_bytes(content)
        with pytest.raises(advparams.WrongModel, match=what) as caught:
            advparams.unlock(wrong, PLAIN)
        assert caught.value.hint
    with pytest.raises(advparams.WrongModel, match="does not exist"):
        advparams.unlock(tmp_path / "none.onnx", PLAIN)


def test_no_keys() -> None:
    for data, what in ((b"", "empty"), (b"hello", "no key"), (b"# x\nAGE-SECRET-KEY-1ABC", "identity"),
                       (PLAIN.replace(b"key 1:", b"key 2:"), "another version")):  # fmt: skip
        with pytest.raises(advparams.DamagedKey, match=what):
            advparams.unlock(LOCKED, data)
    with pytest.raises(advparams.NewerKey):
        advparams.inspect_key(b"age-encryption.org/v2\n-> X25519 a\n")


def test_external_data_is_not_lost(tmp_path: Path) -> None:
    folder = VECTORS / "external"
    with pytest.raises(advparams.AdvparamsError, match="2 external data files"):
        advparams.unlock(folder / "locked.onnx", folder / "model.key")
    unlocked = advparams.unlock_files(folder / "locked.onnx", folder / "model.key")
    unlocked.write(tmp_path)
    want = {
        p.relative_to(folder / "original"): p.read_bytes()
        for p in (folder / "original").rglob("*")
        if p.is_file()
    }
    assert {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == want
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in tmp_path.rglob("*") if p.is_file())
    with pytest.raises(FileExistsError):
        unlocked.write(tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(FileExistsError):  # the data files are still there
        unlocked.write(tmp_path)
    assert not (tmp_path / "model.onnx").exists()


def test_write_follows_no_link(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "data").symlink_to(outside)
    folder = VECTORS / "external"
    with pytest.raises(advparams.AdvparamsError, match="leads out"):
        advparams.unlock_files(folder / "locked.onnx", folder / "model.key").write(inside)
    assert list(outside.iterdir()) == [] and [p.name for p in inside.iterdir()] == ["data"]
    # What the model does not refer to is not written.
    unlocked = advparams.unlock_files(folder / "locked.onnx", folder / "model.key")
    unlocked.files["other.bin"] = b""
    unlocked.write(tmp_path / "third")
    assert not (tmp_path / "third" / "other.bin").exists()
