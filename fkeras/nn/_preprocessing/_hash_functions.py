"""The two hash functions of Keras's hashing layers, on bytes: FarmHash's Fingerprint64, and SipHash-2-4 with a key.

They decide which bucket a string falls into, so a model's embeddings mean what they meant only if they are the same
bit for bit. References: Pike, FarmHash (2014); Aumasson and Bernstein, SipHash (2012).
"""

from __future__ import annotations

from collections.abc import Callable

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _rotate(x: int, by: int) -> int:
    """`x` rotated right."""
    x &= _MASK
    return ((x >> by) | (x << (64 - by))) & _MASK


def _mix(x: int) -> int:
    x &= _MASK
    return x ^ (x >> 47)


def _hash16(u: int, v: int, mul: int) -> int:
    a = _mix((u ^ v) * mul)
    return _mix((v ^ a) * mul) * mul & _MASK


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64 of a string.

    >>> fingerprint64(b"7") % 5
    3
    """
    n = len(s)
    mul = (_K2 + 2 * n) & _MASK

    def at(i: int, size: int = 8) -> int:
        i = i if i >= 0 else n + i
        return int.from_bytes(s[i : i + size], "little")

    if n > 64:
        return _long(s, at)
    if n > 32:
        a, b, c, d = at(0) * _K2, at(8), at(-8) * mul, at(-16) * _K2
        y = (_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK
        z = _hash16(y, (a + _rotate(b + _K2, 18) + c) & _MASK, mul)
        e, f, g, h = at(16) * mul, at(24), (y + at(-32)) * mul, (z + at(-24)) * mul
        tail = (e + _rotate(f + a, 18) + g) & _MASK
        return _hash16((_rotate(e + f, 43) + _rotate(g, 30) + h) & _MASK, tail, mul)
    if n > 16:
        a, b, c, d = at(0) * _K1, at(8), at(-8) * mul, at(-16) * _K2
        head = (_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK
        return _hash16(head, (a + _rotate(b + _K2, 18) + c) & _MASK, mul)
    if n >= 8:
        a, b = at(0) + _K2, at(-8)
        c, d = _rotate(b, 37) * mul + a, (_rotate(a, 25) + b) * mul
        return _hash16(c & _MASK, d & _MASK, mul)
    if n >= 4:
        return _hash16((n + (at(0, 4) << 3)) & _MASK, at(-4, 4), mul)
    if n > 0:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
        return _mix(y * _K2 ^ z * _K0) * _K2 & _MASK
    return _K2


def _long(s: bytes, fetch: Callable[..., int]) -> int:
    """Strings of more than 64 bytes: blocks of 64, then the last 64 bytes once more."""
    n = len(s)

    def weak(i: int, a: int, b: int) -> tuple[int, int]:
        w, x, y, z = (fetch(i + 8 * k) for k in range(4))
        a += w
        b = _rotate(b + a + z, 21)
        c = a
        a += x + y
        b += _rotate(a, 44)
        return (a + z) & _MASK, (b + c) & _MASK

    x = 81
    y = (x * _K1 + 113) & _MASK
    z = _mix(y * _K2 + 113) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + fetch(0)) & _MASK

    def block(i: int, mul: int, nine: int) -> None:
        nonlocal x, y, z, v, w
        x = _rotate(x + y + v[0] + fetch(i + 8), 37) * mul & _MASK
        y = _rotate(y + v[1] + fetch(i + 48), 42) * mul & _MASK
        x ^= w[1] * nine & _MASK
        y = (y + v[0] * nine + fetch(i + 40)) & _MASK
        z = _rotate(z + w[0], 33) * mul & _MASK
        v = weak(i, v[1] * mul, x + w[0])
        w = weak(i + 32, z + w[1], y + fetch(i + 16))
        z, x = x, z

    for i in range(0, (n - 1) // 64 * 64, 64):
        block(i, _K1, 1)
    mul = (_K1 + ((z & 0xFF) << 1)) & _MASK
    w = ((w[0] + ((n - 1) & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    block(n - 64, mul, 9)
    left = (_hash16(v[0], w[0], mul) + _mix(y) * _K0 + z) & _MASK
    return _hash16(left, (_hash16(v[1], w[1], mul) + x) & _MASK, mul)


def _rotate_left(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _MASK


def siphash(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of a string under a key of two 64-bit numbers.

    >>> hex(siphash(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
    '0xa129ca6149be45e5'
    """
    k0, k1 = (k & _MASK for k in key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def rounds(count: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0, v2 = (v0 + v1) & _MASK, (v2 + v3) & _MASK
            v1, v3 = _rotate_left(v1, 13) ^ v0, _rotate_left(v3, 16) ^ v2
            v0 = _rotate_left(v0, 32)
            v2, v0 = (v2 + v1) & _MASK, (v0 + v3) & _MASK
            v1, v3 = _rotate_left(v1, 17) ^ v2, _rotate_left(v3, 21) ^ v0
            v2 = _rotate_left(v2, 32)

    whole = len(s) // 8 * 8
    last = int.from_bytes(s[whole:], "little") | (len(s) & 0xFF) << 56
    for word in [*(int.from_bytes(s[i : i + 8], "little") for i in range(0, whole, 8)), last]:
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


_CAT = 0xC6A4A7935BD1E995


def concatenate(one: int, two: int) -> int:
    """The fingerprint of two fingerprints in order, as TensorFlow's crosses combine them."""
    result = (one ^ _CAT) & _MASK
    result ^= _mix(two * _CAT) * _CAT & _MASK
    result = result * _CAT & _MASK
    return _mix(_mix(result) * _CAT & _MASK)
