"""The Console's devices: all of them, and one with its syncs and what may be asked of it."""
