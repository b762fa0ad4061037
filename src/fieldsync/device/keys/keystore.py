"""The operating system's key store: Windows, macOS, Secret Service or KWallet, and nothing else.

Without a desktop `keyring` may fall back to a plain text file. That is no key store, so only known ones are asked; and
of those this system's alone, for what belongs to another takes a twentieth of a second to find out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError

from fieldsync.base.problems import Code, Refused, problem

SERVICE = "fieldsync"


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
    found = best_of(trusted())
    return None if found is None else SystemKeyStore(found)


def trusted() -> Sequence[type[KeyringBackend]]:
    """What this system may have that protects what it keeps."""
    if sys.platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring

        return (WinVaultKeyring,)
    if sys.platform == "darwin":
        from keyring.backends import macOS

        return (macOS.Keyring,)
    from keyring.backends import SecretService, kwallet

    return (SecretService.Keyring, kwallet.DBusKeyring)


def best_of(kinds: Sequence[type[KeyringBackend]]) -> KeyringBackend | None:
    """The one its makers prefer of those that are there."""
    there = [kind for kind in kinds if kind.viable]
    return max(there, key=lambda kind: float(kind.priority))() if there else None


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="The key store of this machine", reason=reason))
