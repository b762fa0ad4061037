"""The check: names to fields and functions, a type for every part, and one sentence with its place where that fails."""
