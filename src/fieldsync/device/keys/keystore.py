"""The database key in the operating system's key store: Windows, macOS, Secret Service or KWallet, and nothing else.

Without a desktop `keyring` may fall back to a plain text file. That is no key store, so only known ones are used.
"""

from __future__ import annotations

import keyring
from keyring.backend import KeyringBackend
from keyring.backends import SecretService, Windows, chainer, kwallet, macOS
from keyring.errors import KeyringError

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.device.store.connect import KEY_BYTES

SERVICE = "fieldsync"
TRUSTED: tuple[type[KeyringBackend], ...] = (
    Windows.WinVaultKeyring,
    macOS.Keyring,
    SecretService.Keyring,
    kwallet.DBusKeyring,
)


def key_from_keystore(store_name: str, chance: Chance) -> bytes:
    """The key kept under this name; a new random one the first time.

    `store_name` tells the databases of this machine apart, e.g. the folder's path. Raises Refused(UNUSABLE).
    """
    backend = trusted_backend(keyring.get_keyring())
    try:
        kept = backend.get_password(SERVICE, store_name)
        if kept is None:
            backend.set_password(SERVICE, store_name, chance.bytes(KEY_BYTES).hex())
            kept = backend.get_password(SERVICE, store_name)
    except KeyringError as error:
        raise _unusable(str(error) or type(error).__name__) from error
    if kept is None or len(kept) != 2 * KEY_BYTES:
        raise _unusable("it did not keep the key")
    return bytes.fromhex(kept)


def trusted_backend(found: KeyringBackend) -> KeyringBackend:
    """`found`, or the first trusted store of a chain. Raises Refused(UNUSABLE) when there is none."""
    candidates = list(found.backends) if isinstance(found, chainer.ChainerBackend) else [found]
    for candidate in candidates:
        if isinstance(candidate, TRUSTED):
            return candidate
    raise _unusable(f"{type(found).__module__} does not protect what it keeps; use a passphrase instead")


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="The key store of this machine", reason=reason))
