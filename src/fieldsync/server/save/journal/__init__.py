"""What a save leaves behind for people: the journal, receipts, and what is held back (DESIGN 6, step 13)."""
