"""The secret of a channel, as its record holds it: sealed, so that no page, export or journal ever shows it again.

The key is derived from the org's own. A value that is not sealed came by the API or is of an earlier version: it is
used as it is, until it is given anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SECRET_BYTES_MAX: Final = 150
"""Sealed it fits its field of 255 characters."""
NONCE_BYTES: Final = 12
_MARK: Final = "sealed:"


def sealed(key: bytes, secret: str, nonce: bytes) -> str:
    """A secret of at most `SECRET_BYTES_MAX` bytes for the record. `nonce`: random, `NONCE_BYTES` long, used once."""
    closed = ChaCha20Poly1305(_own(key)).encrypt(nonce, secret.encode(), None)
    return _MARK + base64.urlsafe_b64encode(nonce + closed).decode()


def opened(key: bytes, kept: str) -> str:
    """What signs. Raises ValueError where another org sealed it."""
    if not kept.startswith(_MARK):
        return kept
    try:
        raw = base64.b64decode(kept.removeprefix(_MARK), altchars=b"-_", validate=True)
        return ChaCha20Poly1305(_own(key)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
    except (binascii.Error, InvalidTag):
        raise ValueError("its secret cannot be read here; give it anew") from None


def _own(key: bytes) -> bytes:
    return hmac.new(key, b"alert channel secret", hashlib.sha256).digest()
