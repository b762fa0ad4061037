"""Edits of a family that was submitted elsewhere before its maker had seen that (DESIGN 7; FEATURES K05, K06, K14)."""
