"""The Console's people: users, profiles, territories, why somebody sees a record, alignments, and who leaves."""
