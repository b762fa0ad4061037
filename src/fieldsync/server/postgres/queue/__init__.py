"""The queue of jobs in PostgreSQL, kept by procrastinate: tables, statements, worker. What a job means is not here."""
