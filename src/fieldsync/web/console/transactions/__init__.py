"""The Console's pages of sync transactions: the list, its views and acts on many, and one with all that is known."""
