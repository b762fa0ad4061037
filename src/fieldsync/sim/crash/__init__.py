"""Power that is lost at any write of a device: every state of its files is opened, and nothing saved is missing."""
