"""One checker a law, each in its own file, each able to fail alone. They look from outside: SQL and the device."""
