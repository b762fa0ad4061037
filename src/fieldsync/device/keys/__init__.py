"""Where the database key comes from: a PIN with the machine's key store, a passphrase, or a rescue by the server.

The key itself is 32 random bytes. It never stands in the clear beside the file (DESIGN 10, FEATURES M04).
"""

from fieldsync.device.keys.keystore import KeyStore, system_keystore
from fieldsync.device.keys.latch import By, Latch
from fieldsync.device.keys.passphrase import PASSPHRASE_CHARS_MIN, change_passphrase, key_from_passphrase

__all__ = [
    "PASSPHRASE_CHARS_MIN",
    "By",
    "KeyStore",
    "Latch",
    "change_passphrase",
    "key_from_passphrase",
    "system_keystore",
]
