"""What opens one person's folder: a PIN with a secret of the machine's key store, or a passphrase (THREATS T1, T2).

Wrong answers are counted before they are judged; with a key store the count lies in it, so that putting an older copy
of the folder back gives no new tries. After `TRIES_MAX` the way in is erased, if the server keeps another one: a rescue
secret, which it gives out for the person's password alone. Nothing that waits is lost by that.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.device.keys.keystore import KeyStore
from fieldsync.device.keys.passphrase import FILE, PASSPHRASE_CHARS_MIN, WrappedKey, keep, load, unwrap, wrap

TRIES_MAX = 10
PIN_DIGITS_MIN, PIN_DIGITS_MAX = 6, 12
NO_PIN = f"a PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits"
GUESSED_PIN = "it is one of the first that anybody tries"
SECRET_BYTES = 32
RESCUE_FILE, TRIES_FILE = "rescue.json", "tries"
_RESCUE = b"fieldsync rescue"


class By(StrEnum):
    """What the person gives."""

    PIN = "pin"
    PASSPHRASE = "passphrase"
    PASSWORD = "password"
    """Neither is left: the sign-in password, online."""


class _Rescue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nonce: bytes
    wrapped: bytes


class Latch:
    """Of one folder. Raises Refused: UNUSABLE for a key store that fails, STORE_DAMAGED for files that do not fit."""

    def __init__(self, folder: Path, chance: Chance, keystore: KeyStore | None) -> None:
        self._folder, self._chance, self._keystore = folder, chance, keystore

    @property
    def made(self) -> bool:
        """Whether anything opens this folder."""
        return (self._folder / FILE).exists() or self.has_rescue

    @property
    def has_rescue(self) -> bool:
        """Whether the server keeps a way in."""
        return (self._folder / RESCUE_FILE).exists()

    @property
    def asks(self) -> By:
        """What opens it now."""
        kept = self._kept()
        if kept is None or (kept.entry and self._secret(kept) is None):
            return By.PASSWORD
        return By.PIN if kept.entry else By.PASSPHRASE

    @property
    def takes(self) -> By:
        """What the person chooses for it on this machine: without a key store a PIN would fall in hours."""
        return By.PASSPHRASE if self._keystore is None else By.PIN

    @property
    def tries_left(self) -> int:
        """How many wrong answers it takes."""
        kept = self._kept()
        return 0 if kept is None else max(0, TRIES_MAX - self._tries(kept))

    def set(self, key: bytes, secret: str) -> None:
        """From here on this PIN or passphrase opens it. Raises Refused(WEAK_PASSWORD)."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = self._kept()
        if self._keystore is None or not secret.isdecimal():
            made = wrap(key, secret, self._chance)
        else:
            require_pin(secret)
            entry, random = f"{self._folder.name}-{self._chance.bytes(6).hex()}", self._chance.bytes(SECRET_BYTES)
            self._keystore.put(entry, f"{random.hex()} 0")
            made = wrap(key, _with(random, secret), self._chance, entry)
        reach("latch.entered")
        keep(self._folder / FILE, msgspec.json.encode(made))
        (self._folder / TRIES_FILE).unlink(missing_ok=True)
        reach("latch.kept")
        if before is not None and before.entry and self._keystore is not None:
            self._keystore.drop(before.entry)

    def open(self, secret: str) -> bytes:
        """The database key. Raises Refused(WRONG_KEY); after the last try nothing but a rescue opens it."""
        kept = self._kept()
        if kept is None:
            raise Refused(problem(Code.WRONG_KEY))
        tries = self._tries(kept)
        if tries >= TRIES_MAX and self.has_rescue:
            self.erase()
            raise Refused(problem(Code.WRONG_KEY))
        self._count(kept, tries + 1)
        try:
            key = self._unwrapped(kept, secret)
        except Refused:
            if tries + 1 >= TRIES_MAX and self.has_rescue:
                self.erase()
            raise
        self._count(kept, 0)
        return key

    def erase(self) -> None:
        """No PIN or passphrase opens it any more. Wherever that is cut, the key store's part is gone first."""
        kept = self._kept()
        if kept is not None and kept.entry and self._keystore is not None:
            self._keystore.drop(kept.entry)
        reach("latch.erased")
        (self._folder / FILE).unlink(missing_ok=True)
        (self._folder / TRIES_FILE).unlink(missing_ok=True)

    def keep_rescue(self, key: bytes, secret: bytes) -> None:
        """This secret, which the server has, opens it too."""
        nonce = self._chance.bytes(12)
        made = _Rescue(nonce, ChaCha20Poly1305(secret).encrypt(nonce, key, _RESCUE))
        keep(self._folder / RESCUE_FILE, msgspec.json.encode(made))

    def forget_rescue(self) -> None:
        """The server's secret opens it no more."""
        (self._folder / RESCUE_FILE).unlink(missing_ok=True)

    def open_by_rescue(self, secret: bytes) -> bytes:
        """The database key. Raises Refused(WRONG_KEY)."""
        try:
            kept = msgspec.json.decode((self._folder / RESCUE_FILE).read_bytes(), type=_Rescue)
            return ChaCha20Poly1305(secret).decrypt(kept.nonce, kept.wrapped, _RESCUE)
        except (OSError, msgspec.DecodeError, InvalidTag, ValueError):
            raise Refused(problem(Code.WRONG_KEY)) from None

    def _kept(self) -> WrappedKey | None:
        return load(self._folder) if (self._folder / FILE).exists() else None

    def _unwrapped(self, kept: WrappedKey, secret: str) -> bytes:
        if not kept.entry:
            return unwrap(kept, secret)
        random = self._secret(kept)
        if random is None:
            raise Refused(problem(Code.WRONG_KEY))
        return unwrap(kept, _with(random, secret))

    def _secret(self, kept: WrappedKey) -> bytes | None:
        held = self._keystore.get(kept.entry) if self._keystore is not None else None
        return None if held is None else bytes.fromhex(held.split(" ")[0])

    def _tries(self, kept: WrappedKey) -> int:
        if kept.entry:
            held = self._keystore.get(kept.entry) if self._keystore is not None else None
            return TRIES_MAX if held is None else int(held.split(" ")[1])
        try:
            return int((self._folder / TRIES_FILE).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _count(self, kept: WrappedKey, tries: int) -> None:
        if not kept.entry:
            keep(self._folder / TRIES_FILE, f"{tries}".encode())
            return
        random = self._secret(kept)
        if random is not None and self._keystore is not None:
            self._keystore.put(kept.entry, f"{random.hex()} {tries}")


def require_pin(pin: str) -> None:
    """Raises Refused(WEAK_PASSWORD) for what cannot be a PIN."""
    reason = ""
    if not pin.isascii() or not pin.isdecimal() or not PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX:
        reason = NO_PIN
    elif len(set(pin)) == 1 or pin in "0123456789012" or pin in "9876543210987":
        reason = GUESSED_PIN
    if reason:
        raise Refused(problem(Code.WEAK_PASSWORD, reason=reason))


def _with(random: bytes, pin: str) -> str:
    """What is stretched in place of the PIN alone."""
    found = hmac.digest(random, pin.encode(), "sha256").hex()
    assert len(found) >= PASSPHRASE_CHARS_MIN
    return found
