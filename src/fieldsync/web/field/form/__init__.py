"""Forms: a record as flat texts, what a person typed read into values, and what became of each form. No HTTP here."""
