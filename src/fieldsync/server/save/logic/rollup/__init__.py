"""Roll-up summaries: which details decide which masters, the queries that sum them up, and their part in a save."""
