"""Binding: the names of a parsed query get their meaning from a catalog; everything that does not fit is refused."""
