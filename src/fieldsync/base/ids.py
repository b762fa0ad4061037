"""Record ids and the other identifiers that travel.

An id is final when the person saves, also offline (DESIGN 5), so it is minted where the save happens. Nothing here
knows a database: the store that owns a counter passes it in.

Shape of a record id, 18 characters of base 62: three of key prefix (which object), five of device number (who
minted it), seven of counter, three of case checksum, so that systems that ignore case still tell two ids apart.
The alphabet is in byte order and id columns compare by byte, so ids of one device sort in the order they were minted.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NewType

RecordId = NewType("RecordId", str)
"""18 characters, see the module's text."""
DeviceNumber = NewType("DeviceNumber", str)
"""Five characters of base 62; handed out by the server, never reused."""
TransactionId = NewType("TransactionId", str)
"""A UUIDv7 in its canonical text form."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX_CHARS = 3
DEVICE_CHARS = 5
COUNTER_CHARS = 7
BODY_CHARS = PREFIX_CHARS + DEVICE_CHARS + COUNTER_CHARS
ID_CHARS = BODY_CHARS + 3
COUNTER_LIMIT = 62**COUNTER_CHARS
DEVICE_NUMBERS = 62**DEVICE_CHARS
_CHECKSUM_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_IS_CAPITAL = str.maketrans({char: "01"[char.isupper()] for char in ALPHABET})
_BODY = re.compile(rf"[0-9A-Za-z]{{{BODY_CHARS}}}\Z")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


class BadId(ValueError):
    """A text that is not a record id; the message says why."""


def base62(value: int, width: int) -> str:
    """`value` in base 62, padded with zeros to `width` characters; too large a value is a bug."""
    pairs = []
    for _ in range((width + 1) // 2):
        value, pair = divmod(value, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    text = "".join(reversed(pairs))
    surplus = len(text) - width
    assert value == 0, "value does not fit its width"
    assert text[:surplus] in ("", "0"), "value does not fit its width"
    return text[surplus:]


def checksum(body: str) -> str:
    """The three characters that record the case of a 15-character id body, five characters each."""
    bits = int(body.translate(_IS_CAPITAL)[::-1], 2)
    first, second, third = bits & 31, bits >> 5 & 31, bits >> 10
    return _CHECKSUM_ALPHABET[first] + _CHECKSUM_ALPHABET[second] + _CHECKSUM_ALPHABET[third]


def mint(prefix: str, device: DeviceNumber, counter: int) -> RecordId:
    """The id with this key prefix, device number and counter (0 <= counter < 62**7)."""
    assert len(prefix) == PREFIX_CHARS
    assert len(device) == DEVICE_CHARS
    high, low = divmod(counter, len(_PAIRS))
    stem, endings = _stem(prefix, device, high)
    pair = _PAIRS[low]
    return RecordId(stem + pair + endings[pair.translate(_IS_CAPITAL)])


@lru_cache(maxsize=256)
def _stem(prefix: str, device: DeviceNumber, high: int) -> tuple[str, dict[str, str]]:
    """What thousands of ids minted one after the other begin with, and their checksums by the case of the last two
    characters."""
    stem = prefix + device + base62(high, COUNTER_CHARS - 2)
    return stem, {pair.translate(_IS_CAPITAL): checksum(stem + pair) for pair in ("00", "0A", "A0", "AA")}


def parse(text: str) -> RecordId:
    """`text` as a record id. 15 characters are completed with their checksum (FEATURES A13).

    Raises BadId for a wrong length, a foreign character or a checksum that does not fit.
    """
    if len(text) not in (BODY_CHARS, ID_CHARS):
        raise BadId(f"a record id has {ID_CHARS} characters, this one has {len(text)}")
    body = text[:BODY_CHARS]
    if not _BODY.match(body):
        raise BadId("a record id holds only digits and the letters A to Z and a to z")
    full = RecordId(body + checksum(body))
    if len(text) == ID_CHARS and text != full:
        raise BadId("the last three characters of this record id do not fit the others")
    return full


def is_id(value: object) -> bool:
    """Whether `value` is a complete, well-formed record id."""
    return isinstance(value, str) and len(value) == ID_CHARS and _is_well_formed(value)


@lru_cache(maxsize=16_384)
def _is_well_formed(text: str) -> bool:
    """Of a text of the right length. One save looks at each of its ids several times."""
    return _BODY.match(text[:BODY_CHARS]) is not None and checksum(text[:BODY_CHARS]) == text[BODY_CHARS:]


def prefix_of(record_id: str) -> str:
    """The key prefix: which object the id belongs to."""
    return record_id[:PREFIX_CHARS]


def device_of(record_id: str) -> DeviceNumber:
    """The number of the device (or server epoch) that minted the id."""
    return DeviceNumber(record_id[PREFIX_CHARS : PREFIX_CHARS + DEVICE_CHARS])


def uuid7(now_ms: int, randomness: bytes) -> TransactionId:
    """A UUIDv7 (RFC 9562) of this instant (milliseconds since 1970) and 10 random bytes."""
    assert len(randomness) == 10
    value = (now_ms & (1 << 48) - 1) << 80 | int.from_bytes(randomness, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return TransactionId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


def is_transaction_id(text: str) -> bool:
    """Whether `text` is a UUIDv7 in canonical form."""
    return _UUID7.match(text) is not None


def content_hash(data: bytes) -> str:
    """The content hash of a transaction: 32 hexadecimal characters of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
