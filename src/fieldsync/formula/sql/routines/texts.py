"""The text functions of `values/texts.py` and `values/encoding.py`. '' never leaves: a blank text is NULL."""

from __future__ import annotations

from fieldsync.formula import limits
from fieldsync.formula.sql.routines.routine import Routine
from fieldsync.formula.sql.values import TEXT
from fieldsync.formula.values.encoding import HTML, SCRIPT
from fieldsync.formula.values.texts import HTML_ENTITIES, ID_DIGITS, MINOR_DIGITS, PICTURES

BLANKS = "E'" + "".join(f"\\x{code:02x}" for code in range(1, 33)) + "'"
"""What TRIM takes away; the zero character is in no text of PostgreSQL."""
_T = "t text"
_TN = "t text, n numeric"
_LONG = f"length(r) > {limits.RESULT_CHARS_MAX}"
_NUMBER = "t ~ '^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]{{1,4}})?$'"

_BOUNDED = f"""BEGIN
  IF {_LONG} THEN RETURN {TEXT.error}; END IF;
  RETURN nullif(r, '');"""

_MID = "nullif(substr(t, greatest({s}.whole(n), 1), greatest({s}.whole(c), 0)), '')"

_SUBSTR = """DECLARE first int := {s}.whole(n); BEGIN
  IF first < 0 THEN
    first := first + length(t) + 1;
    IF first < 1 THEN RETURN NULL; END IF;
  ELSE
    first := greatest(first, 1);
  END IF;
  RETURN nullif(substr(t, first, greatest({s}.whole(c), 0)), '');"""

_FIND = """DECLARE first int := greatest({s}.whole(coalesce(n, 1)), 1); spot int; BEGIN
  IF wanted IS NULL OR t IS NULL OR n <= 0 THEN RETURN 0; END IF;
  spot := strpos(substr(t, first), wanted);
  RETURN CASE WHEN spot = 0 THEN 0 ELSE spot + first - 1 END;"""

_PAD = f"""DECLARE missing int := {{{{s}}}}.whole(n) - length(t); BEGIN
  IF missing <= 0 THEN RETURN nullif(left(t, greatest({{{{s}}}}.whole(n), 0)), ''); END IF;
  IF {{{{s}}}}.whole(n) > {limits.RESULT_CHARS_MAX} THEN RETURN {TEXT.error}; END IF;
  RETURN {{filled}};"""
_FILLING = "left(repeat(padding, missing / length(padding) + 1), missing)"


def _pad(filled: str) -> str:
    return _PAD.replace("{{s}}", "{s}").replace("{filled}", filled)


_CASE_SAFE = f"""DECLARE digits text := '{ID_DIGITS}'; code int; suffix text := ''; BEGIN
  IF length(t) <> 15 THEN RETURN t; END IF;
  FOR chunk IN 0..2 LOOP
    code := 0;
    FOR place IN 0..4 LOOP
      IF substr(t, chunk * 5 + place + 1, 1) ~ '[A-Z]' THEN code := code + (1 << place); END IF;
    END LOOP;
    suffix := suffix || substr(digits, code + 1, 1);
  END LOOP;
  RETURN t || suffix;"""

_LIKE = r"""BEGIN
  IF p ~ '(^|[^\\])(\\\\)*\\$' THEN RETURN (t LIKE p || '\')::int; END IF;
  RETURN (t LIKE p)::int;"""

_REGEX = f"""BEGIN
  IF length(t) > {limits.REGEX_INPUT_CHARS_MAX} OR length(p) > {{most}} THEN RETURN -1; END IF;
  RETURN (coalesce(t, '') ~ {{pattern}})::int;
EXCEPTION WHEN invalid_regular_expression OR statement_too_complex OR program_limit_exceeded THEN RETURN -1;"""

_LABEL = f"""BEGIN
  IF t ~ '^{PICTURES}$' THEN RETURN t; END IF;
  RETURN {{s}}.escaped(t);"""

_LINK = """'<a href="' || {s}.attribute(address) || '" target="' || {s}.escaped(target) || '">'
    || {s}.label(t) || '</a>'"""


def _image(style: str) -> str:
    start = """'<img src="' || {s}.attribute(address) || '" alt="' || {s}.escaped(t) || '"'"""
    return f"""{start}{style} || ' border="0"/>'"""


def _style(*names: str) -> str:
    sizes = " ".join(f"{name}:' || {{s}}.to_text(coalesce({name}, 0)) || 'px;" for name in names)
    return f""" || ' style="{sizes}"'"""


_MINOR = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in MINOR_DIGITS.items())
_CURRENCY = f"""DECLARE digits int := CASE code {_MINOR} ELSE 2 END; amount text; BEGIN
  IF n IS NULL THEN RETURN NULL; END IF;
  amount := round(n, digits)::text;
  RETURN coalesce(code, '') || ' ' || CASE WHEN amount LIKE '-%' THEN '-' ELSE '' END || reverse(regexp_replace(
    reverse(ltrim(split_part(amount, '.', 1), '-')), '([0-9]{{3}})(?=[0-9])', '\\1,', 'g'))
    || CASE WHEN digits > 0 THEN '.' || split_part(amount, '.', 2) ELSE '' END;"""

_JSON = r"""DECLARE item jsonb; step text; BEGIN
  BEGIN item := t::jsonb; EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN {failed}; END;
  IF path !~ '^\$(\.[[:alnum:]_]+|\[[0-9]{1,6}\])*$' THEN RETURN {failed}; END IF;
  FOR step IN SELECT m[1] FROM regexp_matches(substr(path, 2), '[[:alnum:]_]+', 'g') AS m LOOP
    IF jsonb_typeof(item) = 'object' THEN item := item -> step;
    ELSIF jsonb_typeof(item) = 'array' AND step ~ '^[0-9]+$' THEN item := item -> step::int;
    ELSE RETURN NULL; END IF;
  END LOOP;
  IF jsonb_typeof(item) IN ('array', 'object') THEN RETURN {failed}; END IF;
  RETURN nullif(item #>> '{}', '');""".replace("{failed}", TEXT.error)

_JSON_VALUE = """DECLARE item jsonb; BEGIN
  BEGIN item := t::jsonb; EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN {failed}; END;
  item := CASE WHEN jsonb_typeof(item) = 'object' THEN item -> key END;
  RETURN CASE WHEN jsonb_typeof(item) NOT IN ('array', 'object') THEN nullif(item #>> '{}', '') END;""".replace(
    "{failed}", TEXT.error
)

_SHOWN = """DECLARE r text; BEGIN
  IF n = 0 THEN RETURN '0'; END IF;
  r := trim_scale(n)::text;
  RETURN CASE WHEN r LIKE '0.%' THEN substr(r, 2) WHEN r LIKE '-0.%' THEN '-' || substr(r, 3) ELSE r END;"""


def _replaced(pairs: tuple[tuple[str, str], ...], body: str = "t") -> str:
    for character, written in pairs:
        body = f"replace({body}, {_quoted(character)}, {_quoted(written)})"
    return body


def _quoted(text: str) -> str:
    return (
        "E'"
        + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        + "'"
    )


_URL = """(SELECT coalesce(string_agg(CASE WHEN b = 32 THEN '+'
      WHEN chr(b) ~ '[A-Za-z0-9*._-]' AND b < 128 THEN chr(b)
      ELSE '%' || upper(lpad(to_hex(b), 2, '0')) END, '' ORDER BY i), '')
    FROM (SELECT i, get_byte(convert_to(t, 'UTF8'), i) AS b
      FROM generate_series(0, octet_length(t) - 1) AS i) AS bytes)"""
_TURKISH = "lower(left(coalesce(locale, ''), 2)) IN ('tr', 'az')"

ROUTINES: tuple[Routine, ...] = (
    Routine("bounded", "r text", "text", _BOUNDED),
    Routine("concat", "VARIADIC parts text[]", "text", "{s}.bounded(array_to_string(parts, ''))", blanks=True),
    Routine("len", _T, "numeric", "length(coalesce(t, ''))", blanks=True),
    Routine("left_of", _TN, "text", "nullif(left(t, greatest({s}.whole(n), 0)), '')"),
    Routine("right_of", _TN, "text", "CASE WHEN n = trunc(n) THEN nullif(right(t, greatest({s}.whole(n), 0)), '') END"),
    Routine("mid", "t text, n numeric, c numeric", "text", _MID),
    Routine("substr", "t text, n numeric", "text", "{s}.substr(t, n, 1000000000)"),
    Routine("substr", "t text, n numeric, c numeric", "text", _SUBSTR),
    Routine("find", "wanted text, t text, n numeric DEFAULT 1", "numeric", _FIND, blanks=True),
    Routine(
        "contains_text",
        "t text, wanted text",
        "smallint",
        "CASE WHEN wanted IS NULL THEN 1 ELSE (strpos(t, wanted) > 0)::int END",
        blanks=True,
    ),
    Routine(
        "begins",
        "t text, wanted text",
        "smallint",
        "CASE WHEN wanted IS NULL THEN 1 ELSE (left(t, length(wanted)) = wanted)::int END",
        blanks=True,
    ),
    Routine(
        "ends",
        "t text, wanted text",
        "smallint",
        "CASE WHEN wanted IS NULL THEN 1 ELSE (right(t, length(wanted)) = wanted)::int END",
        blanks=True,
    ),
    Routine(
        "substitute",
        "t text, wanted text, new text",
        "text",
        "CASE WHEN wanted IS NULL THEN t ELSE {s}.bounded(replace(t, wanted, coalesce(new, ''))) END",
        blanks=True,
    ),
    Routine("trim_text", _T, "text", f"nullif(btrim(t, {BLANKS}), '')"),
    Routine("lpad_text", "t text, n numeric, padding text DEFAULT ' '", "text", _pad(f"{_FILLING} || t")),
    Routine("rpad_text", "t text, n numeric, padding text DEFAULT ' '", "text", _pad(f"t || {_FILLING}")),
    Routine(
        "lower_text",
        "t text, locale text DEFAULT NULL",
        "text",
        f"""{{s}}.small(CASE WHEN {_TURKISH}
    THEN replace(replace(t, 'İ', 'i'), 'I', 'ı') ELSE t END)""",
        blanks=True,
    ),
    Routine(
        "upper_text",
        "t text, locale text DEFAULT NULL",
        "text",
        f"""{{s}}.capital(CASE WHEN {_TURKISH}
    THEN replace(t, 'i', 'İ') ELSE t END)""",
        blanks=True,
    ),
    Routine("initcap_text", _T, "text", "{s}.words(t)"),
    Routine("reverse_text", _T, "text", "reverse(t)"),
    Routine("ascii_code", _T, "numeric", "ascii(t)"),
    Routine(
        "chr_text",
        "n numeric",
        "text",
        """CASE WHEN trunc(n) NOT BETWEEN 1 AND 1114111
    OR trunc(n) BETWEEN 55296 AND 57343 THEN NULL ELSE chr({s}.whole(n)) END""",
    ),
    Routine(
        "to_number",
        _T,
        "numeric",
        f"""DECLARE n numeric; BEGIN
  IF NOT {_NUMBER.replace("{{", "{").replace("}}", "}")} THEN RETURN 'NaN'; END IF;
  n := t::numeric;
  RETURN CASE WHEN n <> 0 AND (abs(n) >= 1e{limits.MAGNITUDE_DIGITS_MAX} OR abs(n) < 1e-{limits.MAGNITUDE_DIGITS_MAX})
    THEN 'NaN' ELSE n END;""",
    ),
    Routine(
        "is_number",
        _T,
        "smallint",
        f"coalesce({_NUMBER.replace('{{', '{').replace('}}', '}')}, false)::int",
        blanks=True,
    ),
    Routine("like_text", "t text, p text", "smallint", _LIKE),
    Routine(
        "regex",
        "t text, p text",
        "smallint",
        _REGEX.replace("{{", "{").replace("{most}", "1000000").replace("{pattern}", "p"),
        blanks=True,
    ),
    Routine(
        "regex_any",
        "t text, p text",
        "smallint",
        _REGEX.replace("{most}", str(limits.REGEX_CHARS_MAX)).replace(
            "{pattern}", "('^(?:' || coalesce(p, '') || ')$')"
        ),
        blanks=True,
    ),
    Routine("case_safe_id", _T, "text", _CASE_SAFE),
    Routine("br", "", "text", "E'\\n'"),
    Routine(
        "attribute",
        _T,
        "text",
        "replace(replace(replace(coalesce(t, ' '), '\"', '&quot;'), '<', '&lt;'), '>', '&gt;')",
        blanks=True,
    ),
    Routine("label", _T, "text", _LABEL, blanks=True),
    Routine(
        "hyperlink",
        "address text, t text, target text DEFAULT '_blank'",
        "text",
        _LINK,
        blanks=True,
    ),
    Routine("escaped", _T, "text", _replaced(HTML_ENTITIES, "coalesce(t, ' ')"), blanks=True),
    Routine("image", "address text, t text", "text", _image(""), blanks=True),
    Routine("image", "address text, t text, height numeric", "text", _image(_style("height")), blanks=True),
    Routine(
        "image",
        "address text, t text, height numeric, width numeric",
        "text",
        _image(_style("height", "width")),
        blanks=True,
    ),
    Routine("format_currency", "code text, n numeric", "text", _CURRENCY, blanks=True),
    Routine("html_encode", _T, "text", _replaced(HTML)),
    Routine("js_encode", _T, "text", _replaced(SCRIPT)),
    Routine("js_in_html_encode", _T, "text", "{s}.js_encode({s}.html_encode(t))"),
    Routine("url_encode", _T, "text", _URL),
    Routine("json_value", "t text, key text", "text", _JSON_VALUE),
    Routine("json_path_value", "t text, path text", "text", _JSON),
    Routine("to_text", "n numeric", "text", _SHOWN),
    Routine("to_text", _T, "text", "t"),
    Routine("to_text", "d date", "text", "to_char(d, 'YYYY-MM-DD')"),
    Routine(
        "to_text",
        "m timestamptz",
        "text",
        "coalesce(to_char(m AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '') || 'Z'",
        blanks=True,
    ),
    Routine("to_text", "m time", "text", "to_char(m, 'HH24:MI:SS.MS')"),
    Routine(
        "is_pick_value", "t text, wanted text", "smallint", "(coalesce(t, '') = coalesce(wanted, ''))::int", blanks=True
    ),
    Routine(
        "includes",
        "t text, wanted text",
        "smallint",
        "(coalesce(wanted, '') = ANY(coalesce(nullif(string_to_array(t, ';'), '{}'), ARRAY[''])))::int",
        blanks=True,
    ),
)
