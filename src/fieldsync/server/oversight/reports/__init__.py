"""Questions about any object: asked in the query language, shown as a table, drawn, kept, or taken away as CSV."""
