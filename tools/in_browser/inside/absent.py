"""What a browser has no build of, and the engine names when it is imported. Whoever uses it is told so."""

from __future__ import annotations

import sys
from types import ModuleType


class Absent(Exception):
    """There is none of this in a browser."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__("not in a browser")


NAMES = {
    "zstandard": ("ZstdError", "ZstdCompressor", "ZstdDecompressor"),
    "keyring": (),
    "keyring.backend": ("KeyringBackend",),
    "keyring.backends": (),
    "keyring.backends.SecretService": ("Keyring",),
    "keyring.backends.Windows": ("WinVaultKeyring",),
    "keyring.backends.chainer": ("ChainerBackend",),
    "keyring.backends.kwallet": ("DBusKeyring",),
    "keyring.backends.macOS": ("Keyring",),
    "keyring.errors": ("KeyringError", "PasswordDeleteError"),
    "cryptography": (),
    "cryptography.exceptions": ("InvalidTag",),
    "cryptography.hazmat": (),
    "cryptography.hazmat.primitives": (),
    "cryptography.hazmat.primitives.ciphers": (),
    "cryptography.hazmat.primitives.ciphers.aead": ("ChaCha20Poly1305",),
    "argon2": (),
    "argon2.low_level": ("Type", "hash_secret_raw"),
    "fieldsync.device.transport.http": ("HttpTransport",),
}

for name, values in NAMES.items():
    module = sys.modules[name] = ModuleType(name)
    for value in values:
        setattr(module, value, type(value, (Absent,), {}))
    parent, _, own = name.rpartition(".")
    if parent in NAMES:
        setattr(sys.modules[parent], own, module)
