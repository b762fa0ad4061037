"""A passphrase as the way to the database key.

The random key is wrapped with a key that Argon2id derives from the passphrase; the wrapped key with its parameters lies
beside the database. Another passphrase re-wraps it, and no page is written anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.device.store.connect import KEY_BYTES

PASSPHRASE_CHARS_MIN = 12
SHORT_PASSPHRASE = f"it has fewer than {PASSPHRASE_CHARS_MIN} characters"
MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 4
_MEMORY_KIB_MAX = 1024 * 1024
_PASSES_MAX = 16
FILE = "key.json"


class WrappedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lies beside the database. It opens nothing without the passphrase."""

    salt: bytes
    nonce: bytes
    wrapped: bytes
    memory_kib: int = MEMORY_KIB
    passes: int = PASSES
    lanes: int = LANES
    kdf: str = "argon2id"
    cipher: str = "chacha20-poly1305"
    entry: str = ""
    """Of the machine's key store, without whose secret the PIN opens nothing; empty: a passphrase opens it."""


def key_from_passphrase(folder: Path, passphrase: str, chance: Chance) -> bytes:
    """The database key of this folder; a new random one, wrapped with the passphrase, the first time.

    Raises Refused: WEAK_PASSWORD, WRONG_KEY, STORE_DAMAGED.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    if path.exists():
        return unwrap(load(folder), passphrase)
    if any(folder.glob("store*.db*")):
        raise Refused(problem(Code.STORE_DAMAGED, reason=f"its {FILE} is missing"))
    key = chance.bytes(KEY_BYTES)
    keep(path, msgspec.json.encode(wrap(key, passphrase, chance)))
    return key


def change_passphrase(folder: Path, old: str, new: str, chance: Chance) -> None:
    """Wrap the key anew. Raises what `key_from_passphrase` raises."""
    key = unwrap(load(folder), old)
    keep(folder / FILE, msgspec.json.encode(wrap(key, new, chance)))


def wrap(key: bytes, passphrase: str, chance: Chance, entry: str = "") -> WrappedKey:
    """The key under a passphrase of at least 12 characters, or under what a PIN and a secret of `entry` give."""
    if len(passphrase) < PASSPHRASE_CHARS_MIN:
        raise Refused(problem(Code.WEAK_PASSWORD, reason=SHORT_PASSPHRASE))
    blank = WrappedKey(chance.bytes(16), chance.bytes(12), b"", entry=entry)
    cipher = ChaCha20Poly1305(_derive(blank, passphrase))
    return msgspec.structs.replace(blank, wrapped=cipher.encrypt(blank.nonce, key, _bound(blank)))


def unwrap(kept: WrappedKey, passphrase: str) -> bytes:
    """The key out of its wrapping. Raises Refused(WRONG_KEY)."""
    try:
        return ChaCha20Poly1305(_derive(kept, passphrase)).decrypt(kept.nonce, kept.wrapped, _bound(kept))
    except InvalidTag:
        raise Refused(problem(Code.WRONG_KEY)) from None


def _derive(kept: WrappedKey, passphrase: str) -> bytes:
    return hash_secret_raw(
        passphrase.encode(),
        kept.salt,
        time_cost=kept.passes,
        memory_cost=kept.memory_kib,
        parallelism=kept.lanes,
        hash_len=32,
        type=Type.ID,
    )


def _bound(kept: WrappedKey) -> bytes:
    """The parameters, so that nobody weakens them in the file."""
    with_entry = f":{kept.entry}" if kept.entry else ""
    return f"{kept.kdf}:{kept.cipher}:{kept.memory_kib}:{kept.passes}:{kept.lanes}{with_entry}".encode()


def load(folder: Path) -> WrappedKey:
    """What lies there. Raises Refused(STORE_DAMAGED)."""
    path = folder / FILE
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=WrappedKey)
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(problem(Code.STORE_DAMAGED, reason=f"its {FILE} cannot be read ({error})")) from None
    sane = MEMORY_KIB <= kept.memory_kib <= _MEMORY_KIB_MAX and PASSES <= kept.passes <= _PASSES_MAX
    if not sane or (kept.kdf, kept.cipher, kept.lanes) != ("argon2id", "chacha20-poly1305", LANES):
        raise Refused(problem(Code.STORE_DAMAGED, reason=f"its {FILE} has parameters that are not accepted"))
    return kept


def keep(path: Path, content: bytes) -> None:
    """Write whole or not at all, for this user alone: the key is lost with such a file."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
