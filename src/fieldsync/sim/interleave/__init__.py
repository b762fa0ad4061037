"""Every order in which the database may see the statements of transactions that run at once, on a real PostgreSQL."""
