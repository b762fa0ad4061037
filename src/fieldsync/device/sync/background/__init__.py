"""The threads of a device: one works, one listens."""
