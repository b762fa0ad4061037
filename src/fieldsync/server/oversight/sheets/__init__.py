"""Records as CSV files, out and in: one line a record, columns named by fields. Both stream; neither holds a file."""
