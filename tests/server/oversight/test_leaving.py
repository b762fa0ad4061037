"""All of a leaver's records given to another is a job: what is refused holds up no other, and a kill loses nothing."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
import pytest
from tests.server.lab import small_pack
from tests.server.oversight.desk import Desk, killed_at_note
from tests.server.oversight.test_checking import cancel, work_off

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.schema.catalog import build
from fieldsync.schema.family.declaration import EditedElsewhere, FamilyDeclaration, Submit
from fieldsync.schema.load import load_packs
from fieldsync.server.http.context import calling
from fieldsync.server.org.create import deploy_catalog
from fieldsync.server.oversight.people import leaver
from fieldsync.server.oversight.people.leaver import Reassigned, owned
from fieldsync.server.oversight.people.leaving import Leaving, ask_leaving, newest_leaving, run_leaving
from fieldsync.server.postgres.queue import again, progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.work import transaction


def ask(desk: Desk, heir: str | None = None) -> None:
    org, (tom, sarah) = desk.lab.org, (person(desk, "tom"), person(desk, "sarah"))

    async def asked() -> None:
        async with calling(org, desk.token) as (database, caller):
            await ask_leaving(org, database, caller, (tom, RecordId(heir or sarah)), "Ada")

    desk.lab.run(asked())


def person(desk: Desk, who: str) -> RecordId:
    [(found,)] = desk.lab.query('SELECT "Id" FROM "User" WHERE "Username" = %(who)s', who=f"{who}@small.example")
    return RecordId(found)


def newest(desk: Desk) -> tuple[Progress, Reassigned]:
    found = desk.read(lambda database: newest_leaving(desk.lab.org, database))
    assert found is not None
    return found


def owners(desk: Desk) -> dict[str, int]:
    query = 'SELECT split_part(u."Username", \'@\', 1), count(*) FROM "Shop" c JOIN "User" u ON u."Id" = c."OwnerId"'
    return dict(desk.lab.query(f"{query} GROUP BY 1"))


@pytest.fixture
def leaving(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Tom owns seven clinics; they go over two by two."""
    monkeypatch.setattr(leaver, "BATCH", 2)
    desk.lab.rows("Shop", *({"Name": f"L{n}", "OwnerId": person(desk, "tom")} for n in range(7)))
    return desk


def test_one_that_was_killed_goes_on_behind_the_last_batch_that_was_kept(leaving: Desk) -> None:
    desk, before = leaving, owners(leaving)
    ask(desk)
    waiting, done = newest(desk)
    assert (waiting.stage, done.total) == (Stage.WAITING, before["tom"])
    with pytest.raises(Refused) as refused:
        ask(desk)
    assert refused.value.problem.code is Code.UNUSABLE
    with killed_at_note(3):
        desk.lab.run(run_leaving(desk.lab.org, Leaving("small", waiting.id, person(desk, "admin"))))
    half, told = newest(desk)
    assert (half.stage, half.done, told.moved) == (Stage.RUNNING, 4, 4)
    assert owners(desk)["tom"] == before["tom"] - 4, "what was not noted was not kept"
    work_off(desk.lab)
    after, told = newest(desk)
    assert (after.stage, told.moved, told.refused_in_all) == (Stage.VALID, before["tom"], 0)
    assert owners(desk) == {k: v for k, v in before.items() if k != "tom"} | {
        "sarah": before.get("sarah", 0) + before["tom"]
    }


async def until(uri: str, stage: Stage) -> None:
    """Until the job is noted so."""
    async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as beside:
        asked = "SELECT 1 FROM fieldsync_jobs.progress WHERE status = %s AND begun_at IS NOT NULL"
        async with asyncio.timeout(60):
            while await (await beside.execute(asked, [stage.value])).fetchone() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("ends", ["released", "canceled", "held"])
def test_one_that_meets_other_work_waits_for_it_and_gives_up_after_a_while(
    leaving: Desk, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    desk, before = leaving, owners(leaving)
    monkeypatch.setattr(again, "PAUSES_SECONDS", (0.2, 0.2) if ends != "held" else (0.01,))
    ask(desk)
    job = newest(desk)[0].id

    async def run(holding: psycopg.Connection) -> None:
        doing = asyncio.create_task(run_leaving(desk.lab.org, Leaving("small", job, person_id)))
        if ends != "held":
            await until(desk.lab.uri, Stage.WAITING)
        if ends == "canceled":
            async with transaction(desk.lab.org.pool) as database:
                assert await progress.cancel(database, "small", job)
        if ends == "released":
            holding.rollback()
        await doing

    person_id = person(desk, "admin")
    with psycopg.connect(desk.lab.uri) as holding:
        holding.execute('LOCK TABLE org_small."Shop" IN ACCESS EXCLUSIVE MODE')
        desk.lab.run(run(holding))
    after, told = newest(desk)
    assert after.stage == {"released": Stage.VALID, "canceled": Stage.CANCELED, "held": Stage.ERROR}[ends]
    assert told.wrong == (str(again.HeldUp()) if ends == "held" else "")
    assert owners(desk).get("tom", 0) == (0 if ends == "released" else before["tom"])


def test_who_cancels_it_keeps_what_was_given_and_an_heir_is_a_user(leaving: Desk) -> None:
    desk, before = leaving, owners(leaving)
    with pytest.raises(Refused):
        ask(desk, "005000000000000AAA")
    ask(desk)
    assert cancel(desk, newest(desk)[0].id)
    work_off(desk.lab)
    assert (newest(desk)[0].stage, owners(desk)) == (Stage.CANCELED, before)


def test_what_was_submitted_stays_and_is_no_failed_transaction(leaving: Desk) -> None:
    desk, tom, before = leaving, person(leaving, "tom"), owners(leaving)["tom"]
    _submits_shops(desk)
    desk.lab.rows("Shop", *({"Name": f"S{n}", "OwnerId": tom, "Stage": "Closed"} for n in range(3)))
    ask(desk)
    work_off(desk.lab)
    after, told = newest(desk)
    assert (after.stage, told.moved, told.refused_in_all, told.kept) == (Stage.VALID, before, 0, {"Shop": 3})
    assert (after.done, after.total) == (before + 3, before + 3)
    assert desk.lab.query('SELECT count(*) FROM "Sync_Transaction" WHERE "Status" = \'Failed\'') == [(0,)]
    [shops] = [one for one in desk.read(lambda database: owned(desk.lab.org, database, tom)) if one.object == "Shop"]
    assert (shops.records, shops.submitted, owners(desk)["tom"]) == (3, 3, 3)


def _submits_shops(desk: Desk) -> None:
    pack = small_pack()
    family = FamilyDeclaration(submit=Submit("Stage", "Closed", EditedElsewhere.DISCARD))
    objects = tuple(msgspec.structs.replace(o, family=family) if o.name == "Shop" else o for o in pack.objects)
    catalog = build([*load_packs(("platform",)), msgspec.structs.replace(pack, objects=objects)])
    deploy_catalog(desk.lab.uri, "small", catalog, world=desk.lab.world, dry_run=False, allow_drop=False)
    desk.lab.reopen()
