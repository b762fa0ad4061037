"""What a query may cost at most. A hostile query is refused before it is parsed, bound or run."""

from __future__ import annotations

TEXT_CHARS_MAX = 100_000
"""Length of a query or condition, as on the platform."""
NESTING_LEVELS_MAX = 50
"""Open parentheses at any place."""
LIST_VALUES_MAX = 4_000
"""Values of all lists of a query together, written out."""
BIND_VALUES_MAX = 50_000
"""Values that one bind variable or token may bring."""
PATTERNS_MAX = 500
"""Patterns of one LIKE, choices of one INCLUDES, or texts that the tokens of one template make."""
SELECT_ITEMS_MAX = 2_000
CONDITIONS_MAX = 2_000
"""Comparisons of a query, all its subqueries together."""
JOINS_MAX = 40
"""Relationship hops of one SELECT; each is a join."""
PATH_HOPS_MAX = 5
"""Relationships in one path, as on the platform."""
SUBQUERIES_MAX = 20
"""Child subqueries, semi-joins and anti-joins of a query."""
SUBQUERY_LEVELS_MAX = 4
LIKE_CHARS_MAX = 4_000
LIKE_WILDCARDS_MAX = 20
"""`%` signs in one pattern: each may multiply the work."""
ROLLUP_FIELDS_MAX = 3
ROWS_MAX = 1_000_000_000
"""Largest LIMIT or OFFSET."""
PERIODS_MAX = 9_999
"""The n of LAST_N_DAYS:n and its kin; results outside the years a date may have are cut off."""
