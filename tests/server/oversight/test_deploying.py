"""A deploy is a job with states: what is killed leaves nothing or goes on, and only the plan that was seen is done."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec
import psycopg
import pytest
from tests.server.lab import Lab
from tests.server.oversight.desk import Desk
from tests.server.oversight.test_checking import cancel

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.model import Extension, Field, FieldType, Pack
from fieldsync.server.org.create import deploy_catalog
from fieldsync.server.org.open import open_org
from fieldsync.server.oversight.catalog import deploying
from fieldsync.server.oversight.catalog.deploying import (
    MOVES,
    Deploy,
    Deploying,
    Event,
    State,
    ask_deploy,
    mark_of,
    newest_deploy,
    note_done,
    run_deploy,
)
from fieldsync.server.postgres import settings
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.deploy.plan import Plan
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.work import transaction


def with_field(lab: Lab, name: str) -> Catalog:
    more = Extension(object="Shop", fields=(Field(name=name, type=FieldType.TEXT),))
    return build([*lab.org.catalog.packs, Pack(name=f"more_{name.lower()}", label="More", extensions=(more,))])


def ask(desk: Desk, catalog: Catalog, mark: str | None = None) -> int:
    lab = desk.lab
    seen = mark or mark_of(planned(lab, catalog))
    wanted = Deploy(catalog.version, seen)

    async def asked() -> None:
        async with transaction(lab.org.pool) as database:
            await ask_deploy(lab.org, database, catalog, wanted, "Ada")

    lab.run(asked())
    return newest(desk)[0].id


def planned(lab: Lab, catalog: Catalog) -> Plan:
    return deploy_catalog(lab.uri, "small", catalog, world=lab.world, dry_run=True, allow_drop=True).plan


def run(desk: Desk, known: int) -> None:
    """One run of the job, by a process that takes up what it deploys."""
    lab = desk.lab

    async def working() -> None:
        async with AsyncExitStack() as stack:
            first = await open_org(stack, lab.uri, "small", lab.world)
            await run_deploy({"small": first}, lab.uri, Deploying("small", known))

    lab.run(working())


def newest(desk: Desk) -> tuple[Progress, Deploy]:
    found = desk.read(lambda database: newest_deploy(desk.lab.org, database))
    assert found is not None
    return found


def columns(lab: Lab) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'Shop'"
    return {str(name) for (name,) in lab.query(query)}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here hears of what was deployed."""
    monkeypatch.setattr(deploying, "TAKEN_UP_SECONDS", 0)


def states(deploy: Deploy) -> list[State]:
    return [state for state, _ in deploy.passed]


STRAIGHT = [State.QUEUED, State.VALIDATING, State.APPLYING, State.SUMMING_UP, State.ACTIVE]


def killed(monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool) -> Callable[[], None]:
    """The process dies before or after this step; undone by what is given back."""
    real = getattr(deploying, name)

    def dies(*given: object, **named: object) -> object:
        if named.get("dry_run"):
            return real(*given, **named)
        if after:
            real(*given, **named)
        raise asyncio.CancelledError

    monkeypatch.setattr(deploying, name, dies)
    return lambda: monkeypatch.setattr(deploying, name, real)


def test_it_goes_through_its_states_to_active_and_one_is_under_way_at_a_time(desk: Desk) -> None:
    known = ask(desk, with_field(desk.lab, "Wing"))
    with pytest.raises(Refused) as refused:
        ask(desk, with_field(desk.lab, "Wing"))
    assert refused.value.problem.code is Code.UNUSABLE
    run(desk, known)
    p, deploy = newest(desk)
    assert (p.stage, states(deploy), deploy.wrong) == (Stage.VALID, STRAIGHT, "")
    assert (p.done, p.total) == (4, 4)
    assert "Wing" in columns(desk.lab)
    run(desk, known)
    assert newest(desk) == (p, deploy), "its worker died before it could say so"


@pytest.mark.parametrize("after", [False, True])
def test_one_that_was_killed_left_nothing_or_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:  # noqa: FBT001
    known = ask(desk, with_field(desk.lab, "Wing"))
    undo = killed(monkeypatch, "deploy_catalog", after=after)
    with pytest.raises(asyncio.CancelledError):
        run(desk, known)
    undo()
    assert ("Wing" in columns(desk.lab)) is after
    assert newest(desk)[1].state is (State.SUMMING_UP if after else State.APPLYING)
    run(desk, known)
    p, deploy = newest(desk)
    again = [State.SUMMING_UP] if after else [State.VALIDATING, State.APPLYING]
    until = STRAIGHT.index(State.SUMMING_UP if after else State.APPLYING) + 1
    assert (p.stage, states(deploy)) == (Stage.VALID, [*STRAIGHT[:until], *again, *STRAIGHT[until:]])
    assert "Wing" in columns(desk.lab)


def test_one_that_is_refused_while_it_sums_up_is_in_force_and_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> int:
        raise Refused(problem(Code.BUSY))

    monkeypatch.setattr(deploying, "recalculate", busy)
    run(desk, ask(desk, with_field(desk.lab, "Wing")))
    p, deploy = newest(desk)
    assert (p.stage, p.done, p.total, states(deploy)) == (Stage.VALID, 4, 4, STRAIGHT)
    assert deploy.wrong == problem(Code.BUSY).message, "the upkeep does what is left"
    assert "Wing" in columns(desk.lab)


def test_another_plan_than_was_seen_and_a_canceled_one_change_nothing(desk: Desk) -> None:
    before = columns(desk.lab)
    run(desk, ask(desk, with_field(desk.lab, "Wing"), mark="another"))
    p, deploy = newest(desk)
    assert (p.stage, deploy.state, columns(desk.lab)) == (Stage.ERROR, State.ERROR, before)
    assert "plan it again" in deploy.wrong
    known = ask(desk, with_field(desk.lab, "Wing"))
    assert cancel(desk, known)
    run(desk, known)
    assert (newest(desk)[0].stage, newest(desk)[1].state) == (Stage.CANCELED, State.CANCELED)
    assert columns(desk.lab) == before


def test_one_from_the_command_line_is_told_of_and_gone_where_it_was_taken_back(desk: Desk) -> None:
    lab, catalog = desk.lab, with_field(desk.lab, "Wing")

    def deploy(by: str) -> None:
        def note(connection: AdminConnection, plan: Plan) -> None:
            note_done(connection, "small", plan, by, lab.clock.now())
            if by == "nobody":
                raise Refused(problem(Code.BUSY))

        deploy_catalog(lab.uri, "small", catalog, world=lab.world, dry_run=False, allow_drop=False, within=note)

    with pytest.raises(Refused):
        deploy("nobody")
    assert desk.read(lambda database: newest_deploy(lab.org, database)) is None
    deploy("the command line")
    p, told = newest(desk)
    assert (p.asked_by, p.stage, p.done, told.state) == ("the command line", Stage.VALID, p.total, State.ACTIVE)
    assert (told.version, told.steps) == (catalog.version, 1)


def test_no_move_leads_out_of_an_end_and_every_other_state_has_a_way_on() -> None:
    ends = {State.ACTIVE, State.ERROR, State.CANCELED}
    assert {state for state, _ in MOVES} == set(State) - ends
    deploy = Deploy("v", "m")
    for event in (Event.BEGUN, Event.VALID, Event.KILLED, Event.VALID, Event.KEPT, Event.KILLED, Event.SUMMED):
        deploy = deploy.moved(event, "now")
    assert deploy.state is State.ACTIVE
    assert msgspec.json.decode(msgspec.json.encode(deploy), type=Deploy) == deploy
    with pytest.raises(KeyError):
        deploy.moved(Event.CANCELED, "now")


def test_a_deploy_that_meets_a_lock_is_planned_anew_and_done_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, wanted = desk.lab, with_field(desk.lab, "Fax")
    monkeypatch.setitem(settings.ADMIN, "lock_timeout", "300")
    known = ask(desk, wanted)
    with psycopg.connect(lab.uri, options="-c search_path=org_small") as other:
        other.execute('LOCK TABLE "Shop" IN ACCESS SHARE MODE')
        ends = threading.Thread(target=ended_when_it_waits, args=(other, lab.uri, known))
        ends.start()
        run(desk, known)
        ends.join()
    after, deploy = newest(desk)
    assert (after.stage, deploy.state, deploy.wrong) == (Stage.VALID, State.ACTIVE, "")
    assert states(deploy).count(State.VALIDATING) > 1, "it was planned anew"
    assert "Fax" in columns(lab)


def ended_when_it_waits(other: psycopg.Connection[tuple[object, ...]], uri: str, known: int) -> None:
    """End the other's transaction once the deploy says that it waits, or has ended."""
    waits = (
        "SELECT 1 FROM fieldsync_jobs.progress WHERE id = %s"
        " AND (ended_at IS NOT NULL OR (status = 'waiting' AND begun_at IS NOT NULL))"
    )
    until = time.monotonic() + 30
    with psycopg.connect(uri, autocommit=True) as looking:
        while looking.execute(waits, [known]).fetchone() is None and time.monotonic() < until:
            time.sleep(0.02)
    other.rollback()
