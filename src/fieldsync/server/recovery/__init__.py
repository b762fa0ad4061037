"""After a restore: devices offer again what the server acknowledged and lost; it is applied as it was (DESIGN 5)."""
