"""Merging two records of any mergeable object: what moves, what is told, and who races it (FEATURES E22)."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.lab import PASSWORD, START, Lab, Phone, create, delete, downloaded, update
from tests.server.merge.pack import merge_pack

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.download import Removed
from fieldsync.protocol.upload import Rejected, Saved, UploadResponse
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.merge.merge import Merged, Merging, merge
from fieldsync.server.merge.preview import Preview, preview
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser
from fieldsync.server.postgres.work import snapshot

if TYPE_CHECKING:
    from tests.conftest import Databases


def prepare(uri: str) -> None:
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    catalog = build([*load_packs(("platform",)), merge_pack()])
    create_org(uri, "small", catalog, admin=admin, world=World(ManualClock(START), SeededChance(6)))


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("merging", prepare))
    made = Lab(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


class Town:
    """Two clinics of Sarah's in two regions: the one that goes has two visits, a note and sales of three months."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sarah_id = lab.person("sarah")
        self.tom_id = lab.person("tom")
        self.north, self.south = lab.rows("Region", {"Name": "North"}, {"Name": "South"})
        own = {"OwnerId": self.sarah_id}
        self.old, self.main = lab.rows(
            "Clinic",
            {"Name": "Old", "RegionId": self.north, "City": "York", "Code": "O", "Seen_By": self.tom_id, **own},
            {"Name": "Main", "RegionId": self.south, "Code": "M", **own},
        )
        self.sarah = lab.phone("sarah")
        self.sarah.download()
        for minutes in (30, 40):
            self.visit(self.sarah, self.old, minutes)
        self.visit(self.sarah, self.main, 5)
        [self.note] = lab.rows("Note", {"Name": "n", "ClinicId": self.old, "Text": "park behind"})
        months = [(self.old, m) for m in (1, 2, 3)] + [(self.main, 3)]
        self.sales = lab.rows("Sales", *(_month(clinic, month) for clinic, month in months))
        self.sarah.download()

    def visit(self, phone: Phone, clinic: RecordId, minutes: int) -> RecordId:
        visit = phone.new_id("Visit")
        assert phone.outcome(create("Visit", visit, Name="v", ClinicId=clinic, Minutes=minutes)) == Saved()
        return visit

    def merging(self, **more: Any) -> Merging:
        return Merging("Clinic", self.old, self.main, **more)

    def merge(self, **more: Any) -> Merged:
        return self.lab.run(merge(self.lab.org, self.merging(**more)))

    def preview(self) -> Preview:
        async def ask() -> Preview:
            async with snapshot(self.lab.org.pool) as database:
                return await preview(self.lab.org, database, self.merging())

        return self.lab.run(ask())

    def row(self, name: str, record_id: RecordId) -> dict[str, Any]:
        [(found,)] = self.lab.query(f'SELECT row_to_json(t) FROM "{name}" t WHERE "Id" = %(id)s', id=record_id)
        assert isinstance(found, dict)
        return found


def _month(clinic: RecordId, month: int) -> dict[str, object]:
    return {"Name": f"s{month}", "ClinicId": clinic, "Period": f"2026-0{month}-01", "Units": 10 * month}


@pytest.fixture
def town(lab: Lab) -> Town:
    return Town(lab)


def test_a_preview_says_what_differs_and_what_moves_and_changes_nothing(town: Town) -> None:
    shown = town.preview()
    assert (shown.loser_name, shown.winner_name) == ("Old", "Main")
    fields = {one.column: (one.winner, one.loser, one.takeable) for one in shown.differences}
    assert fields["City"] == (None, "York", True)
    assert fields["Minutes"] == (5, 70, False)
    assert fields["RegionId"][2] is False
    assert {one.object: (one.moved, one.gone) for one in shown.moving} == {
        "Visit": (2, 0),
        "Note": (1, 0),
        "Sales": (2, 1),
    }
    assert town.row("Clinic", town.old)["IsDeleted"] is False
    assert {**{one.object: one.moved for one in shown.moving}} == {"Visit": 2, "Note": 1, "Sales": 2}
    assert town.merge().moved == 6


def test_everything_moves_and_is_summed_up_on_the_winner_and_on_the_masters_of_both(town: Town) -> None:
    assert town.row("Region", town.north)["Clinics"] == 1
    town.merge()
    assert town.row("Clinic", town.main)["Minutes"] == 75
    assert (town.row("Region", town.north)["Clinics"], town.row("Region", town.north)["Minutes"] or 0) == (0, 0)
    assert (town.row("Region", town.south)["Clinics"], town.row("Region", town.south)["Minutes"]) == (1, 75)
    assert town.row("Note", town.note)["ClinicId"] == town.main


def test_rows_loaded_from_files_go_along_where_the_winner_has_none_of_the_same_key(town: Town) -> None:
    town.merge()
    found = town.lab.query('SELECT "ClinicId", "Period"::text, "Units", "IsDeleted" FROM "Sales" ORDER BY "Id"')
    jan, feb, march, own = found
    assert jan == (town.main, "2026-01-01", 10, False)
    assert feb == (town.main, "2026-02-01", 20, False)
    assert march == (town.old, "2026-03-01", 30, True)
    assert own == (town.main, "2026-03-01", 30, False)
    lines = town.sarah.download()
    assert set(downloaded(lines, "Sales")) == {town.sales[0], town.sales[1]}
    assert town.sales[2] in str([line for line in lines if isinstance(line, Removed)])


def test_the_winner_takes_the_fields_that_are_asked_for_unique_ones_too(town: Town) -> None:
    town.merge(take=("City", "Code"), reason="one building")
    winner = town.row("Clinic", town.main)
    assert (winner["City"], winner["Code"], winner["Name"]) == ("York", "O", "Main")
    [(comment, user, channel)] = town.lab.query(
        """SELECT "Comments", u."Username", "Channel" FROM "Sync_Transaction" t JOIN "User" u ON u."Id" = t."UserId"
        WHERE "Root_Record_Id" = %(id)s""",
        id=town.old,
    )
    assert comment == f"Merged {town.old} into {town.main}. one building"
    assert (user, channel) == ("admin@small.example", "import")
    [(values,)] = town.lab.query(
        'SELECT "Field_Values" FROM "Sync_Transaction_Record" WHERE "Record_Id" = %(id)s', id=town.main
    )
    assert json.loads(values)["City"] == {"old": None, "new": "York"}


@pytest.mark.parametrize("column", ["Minutes", "RegionId", "OwnerIdx", "CreatedDate", "Id"])
def test_what_nobody_fills_in_cannot_be_taken(town: Town, column: str) -> None:
    with pytest.raises(Refused) as refused:
        town.merge(take=(column,))
    assert refused.value.problem.code is Code.BAD_REQUEST
    assert town.row("Clinic", town.old)["IsDeleted"] is False


def test_one_of_the_pair_may_refer_to_the_other_or_to_itself(town: Town) -> None:
    town.lab.query('UPDATE "Clinic" SET "ParentId" = %(old)s RETURNING 1', old=town.old)
    town.merge(take=("City",))
    assert (town.row("Clinic", town.main)["ParentId"], town.row("Clinic", town.main)["City"]) == (None, "York")
    lines = town.sarah.download()
    assert downloaded(lines, "Clinic")[town.main]["City"] == "York"
    assert any(town.old in str(line) for line in lines if isinstance(line, Removed)), "it is told as deleted"


def test_a_deep_queue_that_names_the_loser_arrives_at_the_winner_in_order(town: Town) -> None:
    phone = town.sarah
    first = phone.n + 1
    cities = ["York", "Hull", "Bath", "Rome"]
    queue = [
        phone.save(create("Visit", phone.new_id("Visit"), Name="v", ClinicId=town.old, Minutes=1)) for _ in range(40)
    ]
    for n, (before, new) in enumerate(itertools.pairwise(cities)):
        after = first + 39 + n if n else None
        queue.append(phone.save(update("Clinic", town.old, City=(before, new), after=after)))
    queue.append(phone.save(update("Note", town.note, ClinicId=(town.old, None))))
    queue.append(phone.save(update("Note", town.note, ClinicId=(None, town.old), after=phone.n)))
    queue.append(phone.save(delete("Clinic", town.old)))
    town.merge(take=("City",))
    answer = phone.upload(*queue)
    assert {type(result.outcome) for result in answer.results} == {Saved}, answer.results
    winner = town.row("Clinic", town.main)
    assert (winner["City"], winner["Minutes"], winner["IsDeleted"]) == ("Rome", 115, False)
    assert town.row("Note", town.note)["ClinicId"] == town.main
    assert phone.upload(*queue).results == answer.results, "and nothing of it twice"
    assert town.row("Clinic", town.main)["Minutes"] == 115


def test_a_person_who_may_not_see_the_winner_learns_nothing_of_it(town: Town) -> None:
    tom = town.lab.phone("tom")
    assert set(downloaded(tom.download(), "Clinic")) == {town.old}
    visit = town.visit(tom, town.old, 7)
    town.merge()
    lines = tom.download()
    assert town.main not in str(lines)
    assert town.old in str([line for line in lines if isinstance(line, Removed)])
    note = tom.new_id("Note")
    refused = tom.upload(
        tom.save(update("Clinic", town.old, City=("York", "Hull"))),
        tom.save(create("Note", note, Name="x", ClinicId=town.old)),
        tom.save(create("Visit", tom.new_id("Visit"), Name="x", ClinicId=town.old)),
        tom.save(create("Clinic", tom.new_id("Clinic"), Name="x", RegionId=town.north, ParentId=town.old)),
    )
    assert {type(result.outcome) for result in refused.results} == {Rejected}
    assert town.main not in str(refused)
    assert town.row("Visit", visit)["ClinicId"] == town.main


def test_who_sees_both_is_told_what_it_was_merged_into(town: Town) -> None:
    town.merge()
    assert f"into='{town.main}'" in str(town.sarah.download())


async def _after(seconds: float, work: Any) -> Any:
    await asyncio.sleep(seconds)
    return await work


@pytest.mark.usefixtures("patient")
def test_a_save_that_was_first_is_moved_and_one_that_comes_second_finds_the_winner(town: Town) -> None:
    """The save holds the loser while the merge begins, then the other way round."""
    first, second = (town.sarah.new_id("Visit") for _ in range(2))
    early = town.sarah.save(create("Visit", first, Name="v", ClinicId=town.old, Minutes=1))
    late = town.sarah.save(create("Visit", second, Name="v", ClinicId=town.old, Minutes=2))

    async def race() -> UploadResponse:
        async with town.lab.org.pool.connection() as connection, connection.transaction():
            await connection.execute('SELECT 1 FROM "Clinic" WHERE "Id" = %s FOR KEY SHARE', [town.old])
            merging = asyncio.create_task(merge(town.lab.org, town.merging()))
            saving = asyncio.create_task(_after(0.2, town.sarah.send(early)))
            await asyncio.sleep(0.6)
            assert not merging.done(), "it waits for who refers to the loser"
        await asyncio.gather(merging, saving)
        return await town.sarah.send(late)

    assert [result.outcome for result in town.lab.run(race()).results] == [Saved()]
    assert {town.row("Visit", one)["ClinicId"] for one in (first, second)} == {town.main}
    assert town.row("Clinic", town.main)["Minutes"] == 78
    assert town.lab.query('SELECT count(*) FROM "Visit" WHERE "ClinicId" = %(id)s', id=town.old) == [(0,)]


@pytest.mark.usefixtures("patient")
def test_many_saves_race_many_merges_and_nothing_refers_to_what_is_gone(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take their locks in one order: nobody is PostgreSQL's victim of a deadlock, and nothing is tried twice."""
    monkeypatch.setattr(limits, "DEADLOCK_RETRIES_MAX", 1)
    lab, own = town.lab, {"OwnerId": town.sarah_id, "RegionId": town.north}
    clinics = lab.rows("Clinic", *({"Name": f"c{i}", **own} for i in range(6)))
    phones = [lab.phone("sarah", f"d{i}") for i in range(3)]

    async def save_all(phone: Phone) -> None:
        for clinic in clinics:
            answer = await phone.send(
                phone.save(create("Visit", phone.new_id("Visit"), Name="v", ClinicId=clinic, Minutes=1)),
                phone.save(create("Note", phone.new_id("Note"), Name="n", ClinicId=clinic)),
            )
            assert {result.outcome for result in answer.results} == {Saved()}

    async def merge_all() -> None:
        for loser in clinics[1:]:
            await merge(lab.org, Merging("Clinic", loser, clinics[0]))

    async def race() -> None:
        await asyncio.gather(*(save_all(phone) for phone in phones), merge_all())

    lab.run(race())
    assert town.row("Clinic", clinics[0])["Minutes"] == 18
    for name in ("Visit", "Note"):
        query = f'SELECT count(*) FROM "{name}" WHERE "ClinicId" = ANY(%(ids)s)'
        assert lab.query(query, ids=clinics[1:]) == [(0,)], name


def test_a_merge_that_cannot_have_its_rows_in_time_changes_nothing(town: Town) -> None:
    async def ask() -> None:
        async with town.lab.org.pool.connection() as connection, connection.transaction():
            await connection.execute('SELECT 1 FROM "Note" WHERE "Id" = %s FOR UPDATE', [town.note])
            await merge(town.lab.org, town.merging())

    with pytest.raises(Refused) as refused:
        town.lab.run(ask())
    assert refused.value.problem.code is Code.BUSY
    assert town.row("Clinic", town.old)["IsDeleted"] is False
    assert town.merge().moved == 6
