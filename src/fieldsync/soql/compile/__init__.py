"""Compilation: a bound query becomes a statement of any database that has a writer, and a shape for its rows."""
