"""Every combination of what the server did, what the device knew and what it did, against the table of DESIGN 7."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import Lab
from tests.server.save.conflicts.cases import BASE, MINE, THEIRS, Case, Run, Told, all_cases
from tests.server.save.conflicts.pack import prepare
from tests.server.save.conflicts.table import ROWS, expected

from fieldsync.base.problems import Code
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Discarded, Duplicated, Rejected, Saved

if TYPE_CHECKING:
    from tests.conftest import Databases

CASES = list(all_cases())


@pytest.fixture(scope="module")
def run(databases: Databases) -> Iterator[Run]:
    """All cases, saved; the tests look at what each left."""
    name = databases.create(databases.template("kinds", prepare))
    lab = Lab(databases.uri(name))
    try:
        yield Run(lab, CASES)
    finally:
        lab.close()
        databases.drop(name)


def test_the_table_has_exactly_one_outcome_for_every_combination() -> None:
    used = {tuple(row[:4]) for row in ROWS}
    asked = {(c.server, c.device, c.edit, c.policy) for c in CASES}
    assert len(CASES) >= 500
    assert all(any(row[:3] == case[:3] and row[3] in ("*", case[3]) for case in asked) for row in used)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_edit_has_the_outcome_of_the_table(run: Run, case: Case) -> None:
    outcome = expected(case.server, case.device, case.edit, case.policy, case.kind)
    CHECKS[outcome](run, case, run.told[case])


def _row(case: Case, told: Told) -> dict[str, object]:
    return told.after[case.object]


def _saved(told: Told) -> None:
    assert isinstance(told.outcome, Saved), told.outcome
    assert told.journal["outcome"] == "Saved"


def _unchanged(told: Told) -> None:
    assert told.after == told.before


def _applied(run: Run, case: Case, told: Told) -> None:
    _saved(told)
    assert _row(case, told)[case.column] == MINE
    assert _row(case, told)["LastModifiedById"] == run.ipad.session.user.id


def _both(run: Run, case: Case, told: Told) -> None:
    _applied(run, case, told)
    column, theirs = ("Other", THEIRS) if case.server == "other" else ("Status", "Submitted")
    assert _row(case, told)[column] == theirs


def _nothing(_: Run, case: Case, told: Told) -> None:
    _saved(told)
    _unchanged(told)
    assert _row(case, told)[case.column] == MINE


def _mine(run: Run, case: Case, told: Told) -> None:
    _applied(run, case, told)
    assert f'"theirs":"{THEIRS}"' in told.journal["values"]


def _theirs(_: Run, case: Case, told: Told) -> None:
    _saved(told)
    _unchanged(told)
    assert _row(case, told)[case.column] == THEIRS
    assert f'"new":"{MINE}"' in told.journal["values"]


def _child(run: Run, case: Case, told: Told) -> None:
    _saved(told)
    made = run.rows[case.object][told.ids["new"]]
    assert (made["RootId"], made[case.column], made["IsDeleted"]) == (told.ids[case.root], MINE, False)


def _gone(_: Run, case: Case, told: Told) -> None:
    _saved(told)
    assert _row(case, told)["IsDeleted"] is True
    if case.edit == "delete_root":
        assert all(row["IsDeleted"] for row in told.after.values())


def _back(run: Run, case: Case, told: Told) -> None:
    _applied(run, case, told)
    row, before = _row(case, told), told.before[case.object]
    stamps = {"IsDeleted", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "_stamp", case.column}
    assert before["IsDeleted"] is True
    assert {k: v for k, v in row.items() if k not in stamps} == {k: v for k, v in before.items() if k not in stamps}
    assert all(row["IsDeleted"] is False for row in told.after.values()), "with what went with it"
    assert '"IsDeleted":{"theirs":true}' in told.journal["values"]


def _refused(run: Run, case: Case, told: Told, code: Code) -> dict[str, object]:
    assert isinstance(told.outcome, Rejected), told.outcome
    [problem] = told.outcome.problems
    assert (problem.code, problem.object) == (code, case.object)
    assert problem.id == told.ids["new" if case.edit == "create" else case.object]
    assert problem.message
    _unchanged(told)
    assert told.ids.get("new") not in run.rows[case.object]
    assert told.journal["outcome"] == "Rejected"
    if case.edit in ("create", "update_root", "update_detail"):
        assert f'"new":"{MINE}"' in told.journal["values"], "what was refused is kept (law L1)"
    return {"field": problem.field, **problem.details}


def _conflict(run: Run, case: Case, told: Told) -> None:
    assert _refused(run, case, told, Code.CONFLICT_OLD_VALUE) == {
        "field": case.column,
        "base": BASE,
        "mine": MINE,
        "theirs": THEIRS,
        "who": told.who,
        "when": instant(run.changed_at),
    }


def _duplicate(run: Run, case: Case, told: Told) -> None:
    outcome = told.outcome
    assert isinstance(outcome, Duplicated), outcome
    original = told.ids[case.root]
    made = [row for row in run.rows[case.root].values() if row["Original"] == original]
    assert [row["Id"] for row in made] == [outcome.duplicate.id], "exactly one"
    [header] = made
    assert (outcome.original.id, header["Status"]) == (original, "Saved")
    assert (header["Signature"], header["Signed_On"]) == (None, None)
    assert header["Why"]
    assert header["OwnerId"] == run.ipad.session.user.id
    assert header[case.column] == (MINE if case.edit == "update_root" else BASE)
    lines = {row["Id"]: row for row in run.rows[f"{case.root}_Line"].values() if row["RootId"] == header["Id"]}
    match case.edit:
        case "update_root":
            assert lines == {}
        case "create":
            assert [lines[told.ids["new"]][case.column]] == [row[case.column] for row in lines.values()] == [MINE]
        case _:
            copy = outcome.copied[told.ids[case.object]]
            assert [row[case.column] for row in lines.values()] == [lines[copy][case.column]] == [MINE]
    _is_as_it_was_but_for_the_link(case, told, header["Id"])


def _is_as_it_was_but_for_the_link(case: Case, told: Told, duplicate: str) -> None:
    after = told.after[case.root]
    assert after["Duplicate"] == duplicate
    assert after["Why"]
    stamps = {"Duplicate", "Why", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "_stamp"}
    rest = [{k: v for k, v in row.items() if k not in stamps} for row in (told.before[case.root], after)]
    assert rest[0] == rest[1]
    line = f"{case.root}_Line"
    assert told.after[line] == told.before[line]


def _discarded(run: Run, case: Case, told: Told) -> None:
    assert isinstance(told.outcome, Discarded), told.outcome
    reason = told.outcome.reason
    assert (reason.code, reason.id) == (Code.SUBMITTED_ELSEWHERE, told.ids[case.root])
    _unchanged(told)
    assert told.ids.get("new") not in run.rows[case.object]
    assert told.journal["outcome"] == "Discarded"
    assert f'"new":"{MINE}"' in told.journal["values"], "the content is kept"


CHECKS: dict[str, Callable[[Run, Case, Told], object]] = {
    "applied": _applied,
    "back": _back,
    "both": _both,
    "nothing": _nothing,
    "mine": _mine,
    "theirs": _theirs,
    "child": _child,
    "gone": _gone,
    "conflict": _conflict,
    "deleted": lambda run, case, told: _refused(run, case, told, Code.ENTITY_DELETED),
    "denied": lambda run, case, told: _refused(run, case, told, Code.DELETE_DENIED),
    "locked": lambda run, case, told: _refused(run, case, told, Code.LOCKED),
    "no_master": lambda run, case, told: _refused(run, case, told, Code.INVALID_REF),
    "duplicate": _duplicate,
    "discarded": _discarded,
}
