"""Where the database key comes from: the operating system's key store, or a passphrase.

The key itself is 32 random bytes. It never stands in the clear beside the file (DESIGN 10, FEATURES M04).
"""

from fieldsync.device.keys.keystore import key_from_keystore
from fieldsync.device.keys.passphrase import PASSPHRASE_CHARS_MIN, change_passphrase, key_from_passphrase

__all__ = ["PASSPHRASE_CHARS_MIN", "change_passphrase", "key_from_keystore", "key_from_passphrase"]
