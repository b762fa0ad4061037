"""Shapes of the platform's own tables, where `tables.py` has no room for them."""
