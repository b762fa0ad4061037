"""Step 3: whether the caller may make these edits: by his rights, then by sharing."""
