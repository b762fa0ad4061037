"""Every status with every act: it moves as the table says, or is refused with a problem that says why."""

from __future__ import annotations

from itertools import product

import pytest

from fieldsync.base.problems import CATALOGUE, Code, Refused
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.oversight.transactions import STATUSES
from fieldsync.server.processor.states import ACTORS, MOVES, Act, Status, Who, move, offered

# Rows: statuses; columns: acts. Where it goes, and what becomes of those that wait for it (> run, x canceled with it).
EXPECTED = """
             RETRY   EDIT    IGNORE      MANUAL   CANCEL      CLEAR       TAKE_BACK  START       SUCCEED  FAIL    WAIT     PUT_OFF DROP
NEW          -       -       -           -        Canceled/x  Canceled/x  -          InProgress  -        -       -        -       -
WAITING      -       -       -           -        Canceled/x  Canceled/x  Canceled   InProgress  -        -       -        -       -
IN_PROGRESS  -       -       -           -        -           -           -          -           Success/> Failed Waiting  Retry   Canceled
SUCCESS      -       -       -           -        -           -           -          -           -        -       -        -       -
FAILED       Retry/> Retry/> Canceled/x  Manual/> Canceled/x  Canceled/x  Canceled   -           -        -       -        -       -
RETRY        Retry/> -       -           -        Canceled/x  Canceled/x  Canceled   InProgress  -        -       -        -       -
CANCELED     -       -       -           -        -           -           -          -           -        -       -        -       -
MANUAL       -       -       -           -        -           -           -          -           -        -       -        -       -
"""  # noqa: E501
SIGNS = {"RUN": "/>", "CANCEL": "/x", "NOTHING": ""}


def expected() -> dict[tuple[Status, Act], str]:
    head, *lines = EXPECTED.strip().splitlines()
    acts = [Act[name] for name in head.split()]
    rows = [line.split() for line in lines]
    return {(Status[name], act): cell for name, *cells in rows for act, cell in zip(acts, cells, strict=True)}


def test_the_table_names_every_status_and_every_act() -> None:
    assert set(expected()) == set(product(Status, Act))
    assert set(MOVES) == set(Status)
    assert set(ACTORS) == set(Act)


@pytest.mark.parametrize(("status", "act"), list(product(Status, Act)), ids=str)
def test_a_status_moves_as_the_table_says_or_is_refused(status: Status, act: Act) -> None:
    wanted = expected()[status, act]
    if wanted == "-":
        with pytest.raises(Refused) as refused:
            move(status, act)
        assert refused.value.problem.code is Code.DECIDED
        assert refused.value.problem.message == f"This transaction is {status}; you cannot {act} it."
        assert CATALOGUE[Code.DECIDED].status == 409
    else:
        found = move(status, act)
        assert f"{found.to}{SIGNS[found.follow.name]}" == wanted


def test_only_what_was_canceled_with_another_can_be_retried() -> None:
    assert move(Status.CANCELED, Act.RETRY, can_be_retried=True).to is Status.RETRY
    assert offered(Status.CANCELED, can_be_retried=True) == (Act.RETRY,)
    for status, act in product(Status, Act):
        if (status, act) != (Status.CANCELED, Act.RETRY) and expected()[status, act] == "-":
            with pytest.raises(Refused):
                move(status, act, can_be_retried=True)


@pytest.mark.parametrize("status", list(Status))
def test_an_admin_is_offered_what_he_may_do_and_nothing_else(status: Status) -> None:
    may = {act for act in Act if ACTORS[act] is Who.ADMIN and expected()[status, act] != "-"}
    assert set(offered(status)) == may


def test_the_data_model_and_the_console_know_the_same_statuses() -> None:
    field = build(load_packs(("platform",)))["Sync_Transaction"].fields["Status"]
    assert {value.value for value in field.values} == set(Status) == set(STATUSES)
