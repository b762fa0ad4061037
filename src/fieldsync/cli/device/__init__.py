"""A device in the terminal: its commands, the way into its store, and values as people type them."""
