"""SQLite: text with bound parameters, and the functions a connection must have for it."""
