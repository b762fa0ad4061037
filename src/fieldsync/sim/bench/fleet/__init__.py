"""Many devices at one server process: what they cost while nothing happens, and when all come back at once."""
