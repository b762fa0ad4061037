"""Arithmetic with the digits and limits of `values/decimals.py`, and the angles of `values/angles.py`."""

from __future__ import annotations

from fieldsync.formula import limits
from fieldsync.formula.sql.routines.routine import Routine
from fieldsync.formula.values.angles import HALF_PI, PI, TWO_PI

_N = "n numeric"
_PAIR = "a numeric, b numeric"
_SEEN = f"{{s}}.significant(n, {limits.ROUNDING_DIGITS})"

_CEILING = f"""DECLARE m numeric := {_SEEN}; short numeric := {{s}}.cut(n, {limits.ROUNDING_DIGITS}); BEGIN
  -- exactly half of the last digit goes down here, as in the engine
  IF abs(m - n) = abs(n - short) THEN m := short; END IF;
  RETURN CASE WHEN m < 0 THEN floor(m) ELSE ceil(m) END;"""

_WHOLE_DIGITS = """DECLARE t text; BEGIN
  IF n = 0 THEN RETURN 0; END IF;
  IF abs(n) >= 1 THEN RETURN {call}(n, digits - length(trunc(abs(n))::text)); END IF;
  t := substr(abs(n)::text, 3);
  RETURN {call}(n, digits + length(t) - length(ltrim(t, '0')));"""

_POWER = f"""DECLARE magnitude numeric; result numeric := 1; base numeric; left_over bigint; BEGIN
  IF b <> trunc(b) OR abs(b) > {limits.POWER_EXPONENT_MAX} THEN RETURN 'NaN'; END IF;
  IF a = 0 THEN RETURN CASE WHEN b < 0 THEN 'NaN'::numeric WHEN b = 0 THEN 1 ELSE 0 END; END IF;
  magnitude := log(round(abs(a), greatest(scale(a), 60))) * b;
  IF magnitude > {limits.POWER_MAGNITUDE_MAX} THEN RETURN 'NaN'; END IF;
  IF magnitude < -{limits.DIGITS_MAX} THEN RETURN 0; END IF;
  base := CASE WHEN b < 0 THEN {{s}}.significant(round(1::numeric, 200) / a, 60) ELSE a END;
  left_over := abs(b)::bigint;
  WHILE left_over > 0 LOOP
    IF left_over % 2 = 1 THEN result := {{s}}.significant(result * base, 60); END IF;
    left_over := left_over / 2;
    IF left_over > 0 THEN base := {{s}}.significant(base * base, 60); END IF;
  END LOOP;
  RETURN {{s}}.significant(result, {limits.POWER_DIGITS});"""

_SERIES = """DECLARE total numeric := first; term numeric := first; i int := start; BEGIN
  WHILE abs(term) > 1e-60 LOOP
    term := round(round(-term * square, 120) / ((i + 1) * (i + 2)), 80);
    total := total + term;
    i := i + 2;
  END LOOP;
  RETURN total;"""

_ARC_TANGENT = """DECLARE x numeric := n; doublings int := 0; i int := 1;
  total numeric; pow numeric; square numeric; BEGIN
  WHILE abs(x) > 0.05 LOOP
    x := round(round(x, 120) / (1 + sqrt(round(1 + x * x, 120))), 90);
    doublings := doublings + 1;
  END LOOP;
  square := x * x; total := x; pow := x;
  WHILE abs(pow) > 1e-60 LOOP
    pow := round(-pow * square, 90);
    i := i + 2;
    total := total + round(pow / i, 90);
  END LOOP;
  RETURN total * (1 << doublings);"""

_ARC_SINE = f"""BEGIN
  IF abs(n) > 1 THEN RETURN 'NaN'; END IF;
  IF abs(n) = 1 THEN RETURN {HALF_PI} * n; END IF;
  RETURN {{s}}.arc_tangent_of(round(n, 140) / sqrt(round(1 - n * n, 120)));"""

_ARC_TANGENT2 = f"""DECLARE angle numeric; BEGIN
  IF x = 0 THEN RETURN round(CASE WHEN y = 0 THEN 0 WHEN y > 0 THEN {HALF_PI} ELSE -{HALF_PI} END, 30); END IF;
  angle := {{s}}.arc_tangent_of(round(y, 160) / x);
  IF x < 0 THEN angle := angle + CASE WHEN y >= 0 THEN {PI} ELSE -{PI} END; END IF;
  RETURN round(angle, 30);"""

_TANGENT = """DECLARE below numeric; BEGIN
  IF abs(n) > 1e18 THEN RETURN 'NaN'; END IF;
  below := {s}.cosine_of(n);
  IF abs(below) < 1e-40 THEN RETURN 'NaN'; END IF;
  RETURN round(round({s}.sine_of(n), 140) / below, 30);"""

_DISTANCE = """DECLARE lat1 numeric; lat2 numeric; h numeric; w numeric; part numeric; km numeric; BEGIN
  IF unit NOT IN ('km', 'mi') THEN RETURN 'NaN'; END IF;
  lat1 := {s}.radians(a[1]); lat2 := {s}.radians(b[1]);
  h := {s}.sine({s}.divide(lat2 - lat1, 2)); w := {s}.sine({s}.divide({s}.radians(b[2] - a[2]), 2));
  part := {s}.multiply({s}.multiply({s}.cosine(lat1), {s}.cosine(lat2)), {s}.multiply(w, w));
  part := {s}.add({s}.multiply(h, h), part);
  km := {s}.multiply({s}.multiply(2, {s}.arc_sine(least({s}.square_root(part), 1))), 6371.009);
  RETURN round(CASE unit WHEN 'km' THEN km ELSE {s}.divide(km, 1.609344) END, 15);"""


def _shown(outside: str, body: str) -> str:
    """A function of numbers with a condition under which it has no value."""
    return f"CASE WHEN {outside} THEN 'NaN' ELSE {{s}}.significant({body}, {limits.ROUNDING_DIGITS}) END"


ROUTINES: tuple[Routine, ...] = (
    Routine("significant", "n numeric, digits int", "numeric", _WHOLE_DIGITS.replace("{call}", "round"), raw=True),
    Routine("cut", "n numeric, digits int", "numeric", _WHOLE_DIGITS.replace("{call}", "trunc"), raw=True),
    Routine(
        "settle",
        _N,
        "numeric",
        f"""BEGIN
  IF scale(n) <= 15 AND abs(n) < 1e20 THEN RETURN n; END IF;
  IF abs(n) >= 1e{limits.MAGNITUDE_DIGITS_MAX} THEN RETURN 'NaN'; END IF;
  IF abs(n) < 1e-{limits.MAGNITUDE_DIGITS_MAX} THEN RETURN 0; END IF;
  RETURN trim_scale({{s}}.significant(n, {limits.DIGITS_MAX}));""",
    ),
    Routine("whole", _N, "int", "least(greatest(trunc(n), -1000000000), 1000000000)::int", raw=True),
    Routine("add", _PAIR, "numeric", "{s}.settle(a + b)"),
    Routine("multiply", _PAIR, "numeric", "{s}.settle(a * b)"),
    Routine("divide", _PAIR, "numeric", "CASE WHEN b = 0 THEN 'NaN'::numeric ELSE {s}.settle(round(a, 200) / b) END"),
    Routine("remainder", _PAIR, "numeric", "CASE WHEN b = 0 THEN a ELSE {s}.settle(a % b) END"),
    Routine("power", _PAIR, "numeric", _POWER),
    Routine("negate", _N, "numeric", "-n"),
    Routine("keep", _N, "numeric", "n"),
    Routine("absolute", _N, "numeric", "abs(n)"),
    Routine("places", _N, "int", "least(greatest(trunc(n), -100), 100)::int", raw=True),
    Routine("round_half_up", "n numeric, digits numeric", "numeric", "{s}.settle(round(n, {s}.places(digits)))"),
    Routine("truncate", "n numeric, digits numeric DEFAULT 0", "numeric", "{s}.settle(trunc(n, {s}.places(digits)))"),
    Routine("ceiling", _N, "numeric", _CEILING),
    Routine("floor", _N, "numeric", f"trunc({_SEEN})"),
    Routine("mceiling", _N, "numeric", f"ceil({_SEEN})"),
    Routine("mfloor", _N, "numeric", f"floor({_SEEN})"),
    Routine("largest", "VARIADIC parts numeric[]", "numeric", "(SELECT max(part) FROM unnest(parts) AS part)"),
    Routine("smallest", "VARIADIC parts numeric[]", "numeric", "(SELECT min(part) FROM unnest(parts) AS part)"),
    Routine(
        "square_root",
        _N,
        "numeric",
        _shown("n < 0", "sqrt(round(n, greatest(scale(n), 120)))"),
    ),
    Routine(
        "natural_log",
        _N,
        "numeric",
        _shown("n <= 0", "ln(round(n, greatest(scale(n), 60)))"),
    ),
    Routine(
        "decimal_log",
        _N,
        "numeric",
        _shown("n <= 0", "log(round(n, greatest(scale(n), 60)))"),
    ),
    Routine(
        "exponential",
        _N,
        "numeric",
        f"""BEGIN
  IF n > 200 THEN RETURN 'NaN'; END IF;
  IF n < -200 THEN RETURN 0; END IF;
  IF n >= 0 THEN RETURN {{s}}.significant(exp(round(n, greatest(scale(n), 60))), {limits.ROUNDING_DIGITS}); END IF;
  RETURN {{s}}.significant(
    round(1::numeric, 200) / exp(round(-n, greatest(scale(n), 60))), {limits.ROUNDING_DIGITS});""",
    ),
    Routine("pi_number", "", "numeric", f"{{s}}.settle({PI})"),
    Routine("turn", "first numeric, square numeric, start int", "numeric", _SERIES, raw=True),
    Routine("sine_of", _N, "numeric", f"{{s}}.turn(n % {TWO_PI}, (n % {TWO_PI}) * (n % {TWO_PI}), 1)", raw=True),
    Routine("cosine_of", _N, "numeric", f"{{s}}.turn(1, (n % {TWO_PI}) * (n % {TWO_PI}), 0)", raw=True),
    Routine("arc_tangent_of", _N, "numeric", _ARC_TANGENT, raw=True),
    Routine("arc_sine_of", _N, "numeric", _ARC_SINE, raw=True),
    Routine("sine", _N, "numeric", "CASE WHEN abs(n) > 1e18 THEN 'NaN' ELSE round({s}.sine_of(n), 30) END"),
    Routine("cosine", _N, "numeric", "CASE WHEN abs(n) > 1e18 THEN 'NaN' ELSE round({s}.cosine_of(n), 30) END"),
    Routine("tangent", _N, "numeric", _TANGENT),
    Routine("arc_sine", _N, "numeric", "round({s}.arc_sine_of(n), 30)"),
    Routine("arc_cosine", _N, "numeric", f"round({HALF_PI} - {{s}}.arc_sine_of(n), 30)"),
    Routine("arc_tangent", _N, "numeric", "round({s}.arc_tangent_of(n), 30)"),
    Routine("arc_tangent2", "y numeric, x numeric", "numeric", _ARC_TANGENT2),
    Routine(
        "place",
        _PAIR,
        "numeric[]",
        "CASE WHEN abs(a) > 90 OR abs(b) > 180 THEN ARRAY['NaN','NaN']::numeric[] ELSE ARRAY[a, b] END",
    ),
    Routine("radians", _N, "numeric", f"{{s}}.divide({{s}}.multiply(n, {PI}), 180)"),
    Routine("distance", "a numeric[], b numeric[], unit text", "numeric", _DISTANCE),
)
