"""What becomes of a transaction after its upload: run again, released, put off, cancelled, or tried without effect."""
