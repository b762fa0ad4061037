"""The lock screen: after some idle minutes, or by hand, pages show nothing until the passphrase is given again."""
