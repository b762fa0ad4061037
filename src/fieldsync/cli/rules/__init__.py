"""Sync rules on the command line: brought in from other systems, listed, carried out and in."""
