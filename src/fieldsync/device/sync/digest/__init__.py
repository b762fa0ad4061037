"""The digest, the device's half: whether it holds what the server says it should, and the repair where it does not."""
