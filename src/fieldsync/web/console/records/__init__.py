"""The Console's records: lists, pages, forms, merges, and files brought in and out."""
