"""Every limit of the formula language, with its unit in the name; nothing a person types may hang or fill a server."""

from __future__ import annotations

TEXT_CHARS_MAX = 3_900
"""Length of a formula as typed; the platforms whose formulas are imported have the same."""
DEPTH_MAX = 100
"""Calls and operators inside one another."""
NODES_MAX = 2_000
"""Values, fields, operators and calls of one formula: its compiled size."""
STEPS_MAX = 50_000
"""Nodes one evaluation may visit, formulas of formulas included."""
PATH_HOPS_MAX = 10
"""Relationships one field path may follow."""
RESULT_CHARS_MAX = 131_072
"""Length of any text on the way; a longer one is an evaluation error."""

DIGITS_MAX = 39
"""Significant digits every operation keeps, rounded half up."""
ROUNDING_DIGITS = 33
"""Digits that FLOOR, CEILING and kin look at, so that (1/3)*3 is 1."""
MAGNITUDE_DIGITS_MAX = 100
"""A number with more digits before the point is an evaluation error; one as small as its inverse is zero."""
POWER_DIGITS = 18
"""Significant digits of the operator ^."""
POWER_MAGNITUDE_MAX = 64
POWER_EXPONENT_MAX = 999_999_999

REGEX_CHARS_MAX = 1_000
"""Length of a REGEX pattern."""
REGEX_STATES_MAX = 4_000
"""States of the automaton a pattern becomes, counted repetitions written out."""
REGEX_INPUT_CHARS_MAX = 32_768
"""Length of a text that REGEX looks at."""
