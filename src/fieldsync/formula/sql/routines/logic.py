"""Comparisons and choices, one routine for each type, made from one pattern."""

from __future__ import annotations

from fieldsync.formula.sql.routines.routine import Routine
from fieldsync.formula.sql.values import BY_NAME, DATE, DATETIME, NUMBER, TEXT, TIME, SqlType

_SIGNS = {"less": "<", "less_or_equal": "<=", "greater": ">", "greater_or_equal": ">="}


def _of(kind: SqlType) -> list[Routine]:
    """What every type has."""
    t, failed = kind.name, kind.failed
    text = kind is TEXT
    same = "coalesce(a, '') = coalesce(b, '')" if text else "a = b"
    alike = "v IS NOT DISTINCT FROM part"
    part_failed, a_failed, v_failed = (failed.replace("{x}", x) for x in ("part", "a", "v"))
    loop = f"""DECLARE part {t}; i int := 0; BEGIN
  IF {v_failed} THEN RETURN -1; END IF;
  {{blank}}FOREACH part IN ARRAY parts LOOP
    i := i + 1;
    IF {part_failed} THEN RETURN -1; END IF;
    IF {alike} THEN RETURN {{found}}; END IF;
  END LOOP;
  RETURN 0;"""
    is_null = "0" if text else "(a IS NULL)::int"
    rows = [
        Routine("equal", f"a {t}, b {t}", "smallint", f"({same})::int", blanks=text),
        Routine("different", f"a {t}, b {t}", "smallint", f"(NOT ({same}))::int", blanks=text),
        Routine("is_blank", f"a {t}", "smallint", "(a IS NULL)::int", blanks=True),
        Routine("is_null", f"a {t}", "smallint", is_null, blanks=True),
        Routine("is_error", f"a {t}", "smallint", f"coalesce({a_failed}, false)::int", raw=True),
        Routine("if_error", f"a {t}, b {t}", t, f"CASE WHEN {a_failed} THEN b ELSE a END", raw=True),
        Routine("blank_value", f"a {t}, b {t}", t, "coalesce(a, b)", raw=True),
    ]
    if kind.name != "numeric[]":
        rows.append(
            Routine("case_index", f"v {t}, VARIADIC parts {t}[]", "int", loop.format(blank="", found="i"), raw=True)
        )
        blank = "IF v IS NULL THEN RETURN 0; END IF;\n  "
        rows.append(
            Routine(
                "in_list", f"v {t}, VARIADIC parts {t}[]", "smallint", loop.format(blank=blank, found="1"), raw=True
            )
        )
    return rows


def _ordered(kind: SqlType) -> list[Routine]:
    collation = ' COLLATE "C"' if kind is TEXT else ""
    return [
        Routine(name, f"a {kind.name}, b {kind.name}", "smallint", f"(a{collation} {sign} b)::int")
        for name, sign in _SIGNS.items()
    ]


ROUTINES: tuple[Routine, ...] = (
    Routine("negation", "a smallint", "smallint", "1 - a"),
    *(routine for kind in BY_NAME.values() for routine in _of(kind)),
    *(routine for kind in (NUMBER, TEXT, DATE, DATETIME, TIME) for routine in _ordered(kind)),
)
