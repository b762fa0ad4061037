"""PostgreSQL: the only rooms of this package that import SQLAlchemy, which devices don't have."""
