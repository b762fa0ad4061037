"""The operating system's key store: Windows, macOS, Secret Service or KWallet, and nothing else.

Without a desktop `keyring` may fall back to a plain text file. That is no key store, so only known ones are used.
"""

from __future__ import annotations

from typing import Protocol

import keyring
from keyring.backend import KeyringBackend
from keyring.backends import SecretService, Windows, chainer, kwallet, macOS
from keyring.errors import KeyringError, PasswordDeleteError

from fieldsync.base.problems import Code, Refused, problem

SERVICE = "fieldsync"
TRUSTED: tuple[type[KeyringBackend], ...] = (
    Windows.WinVaultKeyring,
    macOS.Keyring,
    SecretService.Keyring,
    kwallet.DBusKeyring,
)


class KeyStore(Protocol):
    """Short texts by name that no copy of a folder brings along. Every method raises Refused(UNUSABLE)."""

    def get(self, name: str) -> str | None:
        """The text kept under this name."""

    def put(self, name: str, text: str) -> None:
        """Keep a text under this name."""

    def drop(self, name: str) -> None:
        """Forget what is kept under this name, if anything is."""


class SystemKeyStore:
    """The one of this machine."""

    def __init__(self, backend: KeyringBackend) -> None:
        self._backend = backend

    def get(self, name: str) -> str | None:
        """See `KeyStore.get`."""
        try:
            return self._backend.get_password(SERVICE, name)
        except KeyringError as error:
            raise _unusable(str(error) or type(error).__name__) from error

    def put(self, name: str, text: str) -> None:
        """See `KeyStore.put`."""
        try:
            self._backend.set_password(SERVICE, name, text)
        except KeyringError as error:
            raise _unusable(str(error) or type(error).__name__) from error
        if self.get(name) != text:
            raise _unusable("it did not keep what it was given")

    def drop(self, name: str) -> None:
        """See `KeyStore.drop`."""
        try:
            self._backend.delete_password(SERVICE, name)
        except PasswordDeleteError:
            return
        except KeyringError as error:
            raise _unusable(str(error) or type(error).__name__) from error


def system_keystore() -> KeyStore | None:
    """This machine's key store; None where it has none that protects what it keeps."""
    try:
        return SystemKeyStore(trusted_backend(keyring.get_keyring()))
    except Refused:
        return None


def trusted_backend(found: KeyringBackend) -> KeyringBackend:
    """`found`, or the first trusted store of a chain. Raises Refused(UNUSABLE) when there is none."""
    candidates = list(found.backends) if isinstance(found, chainer.ChainerBackend) else [found]
    for candidate in candidates:
        if isinstance(candidate, TRUSTED):
            return candidate
    raise _unusable(f"{type(found).__module__} does not protect what it keeps; use a passphrase instead")


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="The key store of this machine", reason=reason))
