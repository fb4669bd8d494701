"""Unseals tensors with numpy and cryptography, from docs/sealing.md alone.

Run by itself it checks the vectors beside it.
"""
import json
import os
import struct
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# kind: (bytes of an element, bits of the mantissa, what an exponent of all ones means)
KINDS = {1: (1, 0, None), 2: (4, 23, "ieee"), 3: (8, 52, "ieee"), 4: (2, 10, "ieee"), 5: (2, 7, "ieee"),
         6: (1, 3, "fn"), 7: (1, 3, "fnuz"), 8: (1, 2, "ieee"), 9: (1, 2, "fnuz"), 10: (1, 0, "scale"),
         11: (4, 0, "signed"), 12: (8, 0, "signed"), 13: (4, 0, "unsigned"), 14: (8, 0, "unsigned")}
BLOCK = 4096

def below(v):
    """The bits below the leading one, 0 for 0."""
    for shift in (1, 2, 4, 8, 16, 32):
        v = v | v >> np.uint64(shift)
    return v >> np.uint64(1)

def encrypt(x, z, kind, keep_signs):
    """Its own inverse: everything but the classes, which do not change."""
    width, mantissa, special = KINDS[kind]
    x, z = x.astype(np.uint64), z.astype(np.uint64)
    top = np.uint64(1 << 8 * width - 1)
    every = np.uint64((1 << 8 * width) - 1)
    if special == "scale":
        return x
    if special in ("signed", "unsigned"):
        negative = x >> np.uint64(8 * width - 1) != 0 if special == "signed" else np.zeros(x.shape, bool)
        v = np.where(negative, ~x & every, x)
        y = x ^ z & below(v)
        flip = (z & top != 0) & (v != 0) & (special == "signed") & (not keep_signs)
        return np.where(flip, ~y & every, y)
    m = np.uint64((1 << mantissa) - 1)
    exponent = every ^ m ^ top
    sign = np.uint64(0) if keep_signs else top
    v, e = x & m, x & exponent
    mask = np.full(x.shape, sign | m)
    low = e == 0
    mask = np.where(low, np.where(v == 0, np.uint64(0), sign | below(v)), mask)
    if special == "ieee":
        mask = np.where(e == exponent, np.uint64(0), mask)
    elif special == "fn":
        w = v ^ m
        mask = np.where(e == exponent, np.where(w == 0, np.uint64(0), sign | below(w)), mask)
    return x ^ z & mask

def undamp(x, kind, exponents):
    """Puts back the exponents that were exchanged for smaller ones."""
    mantissa = np.uint64(KINDS[kind][1])
    field = np.uint64((1 << 8 * KINDS[kind][0] - 1) - 1) >> mantissa
    back = np.arange(256, dtype=np.uint64)
    for e, to in enumerate(exponents, 1):
        back[to] = e
    x = x.astype(np.uint64)
    return x & ~(field << mantissa) | back[(x >> mantissa & field).astype(np.int64) % 256] << mantissa

def unseal(sealed, seed, salt, index, kind, count, keep_signs, exponents=()):
    info = b"advparams seal 1\0" + struct.pack("<QQBB", index, count, kind, keep_signs)
    key = HKDF(SHA256(), 32, salt, info).derive(seed)
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    if kind == 1:
        return stream.update(sealed)
    width = KINDS[kind][0]
    blocks = -(-count // BLOCK)
    keystream = np.frombuffer(stream.update(bytes(blocks * BLOCK * (8 + width))), np.uint8).reshape(blocks, -1)
    words = np.ascontiguousarray(keystream[:, :8 * BLOCK]).view("<u8")
    z = np.ascontiguousarray(keystream[:, 8 * BLOCK:]).view(f"<u{width}")
    # floor(word * (i + 1) / 2**64), from halves that fit 64 bits
    n = np.arange(1, BLOCK + 1, dtype=np.uint64)
    half = np.uint64(32)
    swap = (words >> half) * n + ((words & np.uint64(0xffffffff)) * n >> half) >> half
    x = np.zeros(blocks * BLOCK, f"<u{width}")
    x[:count] = np.frombuffer(sealed, f"<u{width}")
    if exponents:
        x = undamp(x, kind, exponents)
    x = encrypt(x.reshape(blocks, BLOCK), z, kind, keep_signs)
    last = count - (blocks - 1) * BLOCK
    for i in range(1, BLOCK):
        rows = np.arange(blocks if i < last else blocks - 1)  # the last block may be short
        j = swap[rows, i].astype(np.int64)
        x[rows, i], x[rows, j] = x[rows, j], x[rows, i].copy()
    return x.reshape(-1)[:count].astype(f"<u{width}").tobytes()


def check():
    here = os.path.dirname(os.path.abspath(__file__))
    checked = 0
    for v in json.load(open(os.path.join(here, "vectors.json"))):
        if "sealed" not in v:
            continue
        got = unseal(bytes.fromhex(v["sealed"]), bytes.fromhex(v["seed"]), bytes.fromhex(v["salt"]),
                     v["index"], v["kind"], v["count"], v["keep_signs"], v.get("exponents", ()))
        assert got == bytes.fromhex(v["input"]), v
        checked += 1
    print(checked, "vectors agree")

if __name__ == "__main__":
    check()
