"""The table of functions: what there is, what it takes, and what runs it on either back-end."""
