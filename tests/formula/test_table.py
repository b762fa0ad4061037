"""The table of functions: complete on both sides, documented, and SQLAlchemy where it may be only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fieldsync.formula.functions.signature import Function
from fieldsync.formula.functions.table import ROWS, TABLE
from fieldsync.formula.reference import FILE, reference
from fieldsync.formula.sql.ddl import ROUTINES
from fieldsync.formula.sql.lazy import BUILDERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_function_has_both_back_ends_or_a_reason(row: Function) -> None:
    routines = {routine.name for routine in ROUTINES}
    if row.refused or row.python_only:
        assert not row.sql
    else:
        assert row.sql in routines or row.sql in BUILDERS
    assert callable(row.python)
    assert row.doc.endswith(".")


def test_every_builder_and_every_name_is_used_once() -> None:
    assert len(TABLE) == len(ROWS)
    assert {row.sql for row in ROWS} >= set(BUILDERS)


def test_the_language_is_there() -> None:
    """Salesforce's public function reference, as far as formulas of records go."""
    wanted = """
        ABS ACOS ADDMONTHS AND ASCII ASIN ATAN ATAN2 BEGINS BLANKVALUE BR CASE CASESAFEID CEILING
        CHR CONTAINS COS CURRENCYRATE DATE DATETIMEVALUE DATEVALUE DAY DAYOFYEAR DISTANCE EXP FIND
        FLOOR FORMATDURATION FROMUNIXTIME GEOLOCATION GETSESSIONID HOUR HTMLENCODE HYPERLINK IF IFS
        IMAGE INCLUDES INITCAP ISBLANK ISCHANGED ISCLONE ISNEW ISNULL ISNUMBER ISOWEEK ISOYEAR
        ISPICKVAL JSENCODE JSINHTMLENCODE LEFT LEN LINKTO LN LOG LOWER LPAD MAX MCEILING MFLOOR MID
        MILLISECOND MIN MINUTE MOD MONTH NOT NOW NULLVALUE OR PI PRIORVALUE REGEX REVERSE RIGHT
        ROUND RPAD SECOND SIN SQRT SUBSTITUTE TAN TEXT TIMENOW TIMEVALUE TODAY TRIM TRUNC
        UNIXTIMESTAMP UPPER URLENCODE VALUE VLOOKUP WEEKDAY YEAR
    """
    assert not set(wanted.split()) - TABLE.keys()


def test_the_reference_is_up_to_date() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == reference(), "run: python -m fieldsync.formula.reference"


def test_a_device_needs_no_sqlalchemy() -> None:
    script = (
        "import sys, fieldsync.formula as f; f.parse('TODAY()'); import fieldsync.formula.conformance.run;"
        " assert 'sqlalchemy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
