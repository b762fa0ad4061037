"""The functions a database needs to compute formulas: small, IMMUTABLE, and incapable of raising. `ddl` makes them."""
