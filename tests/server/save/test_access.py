"""Who may save what: objects, fields, record types, asked in the save's own transaction (M01, T11, T19, T20)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.server.lab import PASSWORD, START, Lab, Phone, create, delete, downloaded, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused
from fieldsync.base.world import ManualClock, SeededChance, World, instant
from fieldsync.protocol.session import Platform
from fieldsync.protocol.upload import Item, Outcome, Rejected, Saved, UploadRequest
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.http.context import calling, reading
from fieldsync.server.org.create import create_org, deploy_catalog, seeding_org
from fieldsync.server.org.users import NewUser, set_password
from fieldsync.server.oversight.reader import reader_of
from fieldsync.server.oversight.records import read_record
from fieldsync.server.oversight.transactions import Oversight
from fieldsync.server.postgres.work import Work
from fieldsync.server.save.batch import Caller
from fieldsync.server.save.head import lock_head
from fieldsync.server.sync.session import Foresee
from fieldsync.server.sync.upload import upload

if TYPE_CHECKING:
    from tests.conftest import Databases

PACK = """
name: shops
label: Shops
objects:
  - name: Shop
    label: Shop
    prefix: a00
    record_types: [{name: Corner, default: true}, {name: Mall}, {name: Kiosk}]
    fields:
      - {name: City, type: text, length: 40}
      - {name: Score, type: number, precision: 8, scale: 2}
      - {name: Debt, type: number, precision: 8, scale: 2, unique: true}
      - {name: Owes, type: formula, formula: 'Debt > 0', formula_returns: checkbox}
  - {name: Vault, label: Vault, prefix: a01}
profiles:
  - name: Rep
    label: Rep
    objects: {Shop: [create, edit], User: [read], RecordType: [read]}
    fields: {Shop: {Debt: none, Score: read}}
    record_types: {Shop: [Mall, Corner]}
permission_sets:
  - {name: Debts, label: Debts, fields: {Shop: {Debt: edit}}, record_types: {Shop: [Kiosk]}}
  - {name: Keys, label: Keys, objects: {Vault: [create], Shop: [delete]}}
  - {name: Coder, label: Coder, system: [modify_metadata]}
"""


WAITING = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"


def shops(text: str = PACK) -> Catalog:
    return build([*load_packs(("platform",)), parse_pack(text, "shops")])


def prepare(uri: str) -> None:
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", shops(), admin=admin, world=World(ManualClock(START), SeededChance(6)))


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("access", prepare))
    made = Lab(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    return lab.phone("sarah")


@pytest.fixture
def admin(lab: Lab) -> Phone:
    return lab.phone("admin", "desk")


def codes(outcome: Outcome) -> list[tuple[Code, str | None]]:
    assert isinstance(outcome, Rejected)
    return [(problem.code, problem.field) for problem in outcome.problems]


def attempt(phone: Phone, item: Item) -> Outcome:
    """The outcome of a save that is taken back where it was refused, so that it holds up nothing."""
    outcome = phone.outcome(item)
    if isinstance(outcome, Rejected):
        phone.upload(undone=(phone.n,))
    return outcome


def row_id(lab: Lab, object_name: str, name: str) -> RecordId:
    [(found,)] = lab.query(f'SELECT "Id" FROM "{object_name}" WHERE "Name" = %(name)s', name=name)
    return RecordId(found)


def given(lab: Lab, admin: Phone, to: Phone, name: str, **more: object) -> RecordId:
    """The assignment of a permission set, saved as an admin saves it."""
    new = admin.new_id("Permission_Set_Assignment")
    values = {"AssigneeId": to.session.user.id, "Permission_SetId": row_id(lab, "Permission_Set", name), **more}
    assert isinstance(admin.outcome(create("Permission_Set_Assignment", new, **values)), Saved)
    return new


def test_a_hidden_field_looks_as_if_it_were_not_there(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "Rich", "Debt": 5})
    [shop] = lab.rows("Shop", {"Name": "x", "Debt": 7})
    for value in (5, 7, 8, None, "many", 10**9):
        answers = []
        for name in ("Debt", "Nope"):
            change = attempt(sarah, update("Shop", shop, None, **{name: (value, value)}))
            assert isinstance(change, Rejected)
            [problem] = change.problems
            answers.append(msgspec.json.encode(problem).replace(name.encode(), b"?"))
        assert answers[0] == answers[1], value
    assert codes(attempt(sarah, update("Shop", shop, Score=(None, 1), City=(None, "Graz")))) == [
        (Code.FIELD_PERMISSION, "Score")
    ]
    assert isinstance(attempt(sarah, update("Shop", shop, City=(None, "Graz"))), Saved)


def test_a_person_who_is_created_as_a_record_saves_and_syncs(lab: Lab, admin: Phone) -> None:
    tom, nobody = admin.new_id("User"), admin.new_id("User")
    person = {"LastName": "Tom", "ProfileId": row_id(lab, "Profile", "Rep")}
    assert isinstance(admin.outcome(create("User", tom, Username="tom@small.example", **person)), Saved)
    attempt(admin, create("User", nobody, Username="tom@small.example", **person))
    assert lab.query("SELECT user_id FROM _user_head WHERE user_id = ANY(%(ids)s)", ids=[tom, nobody]) == [(tom,)]
    with seeding_org(lab.uri, "small", lab.world) as seeding:
        set_password(seeding, "tom@small.example", PASSWORD, lab.world.chance)
    phone = lab.phone("tom")
    shop = phone.new_id("Shop")
    assert isinstance(phone.outcome(create("Shop", shop, Name="Corner")), Saved)
    assert shop in downloaded(phone.download(), "Shop")


def test_nobody_sets_what_the_platform_sets(lab: Lab, sarah: Phone, admin: Phone) -> None:
    object_type = lab.org.catalog["Shop"]
    [shop] = lab.rows("Shop", {"Name": "x"})
    forged = sorted(({"Owes", "_stamp"} | set(object_type.column_fields)) - object_type.writable)
    before = lab.query('SELECT * FROM "Shop"')
    for phone in (sarah, admin):
        for name in forged:
            for item in (
                update("Shop", shop, None, **{name: (None, "x")}),
                create("Shop", phone.new_id("Shop"), **{name: "x"}),
            ):
                [(code, field)] = codes(attempt(phone, item))[:1]
                assert (code in (Code.READ_ONLY_FIELD, Code.UNKNOWN_FIELD), field) == (True, name)
    assert lab.query('SELECT * FROM "Shop"') == before


def test_permission_sets_add_until_they_end(lab: Lab, sarah: Phone, admin: Phone) -> None:
    vault, shop = sarah.new_id("Vault"), sarah.new_id("Shop")
    assert codes(attempt(sarah, create("Vault", vault, Name="v"))) == [(Code.PERMISSION, None)]
    until = instant(lab.clock.now().replace(year=2027))
    assignment = given(lab, admin, sarah, "Keys", Expiration_Date=until)
    assert isinstance(attempt(sarah, create("Vault", vault, Name="v")), Saved)
    assert codes(attempt(sarah, create("Shop", shop, Name="s", Debt=1))) == [(Code.UNKNOWN_FIELD, "Debt")]
    given(lab, admin, sarah, "Debts")
    assert isinstance(attempt(sarah, create("Shop", shop, Name="s", Debt=1)), Saved)
    assert isinstance(
        admin.outcome(update("Permission_Set_Assignment", assignment, Expiration_Date=(until, instant(START)))), Saved
    )
    assert codes(attempt(sarah, delete("Shop", shop))) == [(Code.PERMISSION, None)], "the set ended this very instant"


def test_record_types_are_those_of_the_profile_its_first_by_itself(lab: Lab, sarah: Phone, admin: Phone) -> None:
    types = dict(lab.query('SELECT "DeveloperName", "Id" FROM "RecordType"'))
    first, second, third = (sarah.new_id("Shop") for _ in range(3))
    assert isinstance(attempt(sarah, create("Shop", first, Name="a")), Saved)
    assert lab.query('SELECT "RecordTypeId" FROM "Shop"') == [(types["Mall"],)]
    assert codes(attempt(sarah, create("Shop", second, Name="b", RecordTypeId=types["Kiosk"]))) == [
        (Code.RECORD_TYPE, "RecordTypeId")
    ]
    assert codes(attempt(sarah, update("Shop", first, RecordTypeId=(types["Mall"], types["Kiosk"])))) == [
        (Code.RECORD_TYPE, "RecordTypeId")
    ]
    given(lab, admin, sarah, "Debts")
    assert isinstance(attempt(sarah, create("Shop", third, Name="c", RecordTypeId=types["Kiosk"])), Saved)


def test_rights_taken_away_before_the_lock_count(lab: Lab, sarah: Phone, admin: Phone) -> None:
    """The save was let in with rights that are gone when it comes to lock its user's head: it begins again."""
    assignment = given(lab, admin, sarah, "Keys")
    ended = update("Permission_Set_Assignment", assignment, Expiration_Date=(None, instant(START)))
    tries: list[tuple[str, ...]] = []

    @asynccontextmanager
    async def begin(_: Foresee) -> AsyncIterator[tuple[Work, Caller]]:
        async with calling(lab.org, sarah.token) as (work, caller):
            if not tries:
                response = await admin.send(admin.save(ended))
                assert isinstance(response.results[0].outcome, Saved)
            tries.append(caller.rights.permission_sets)
            yield work, caller

    request = UploadRequest(sarah.number, 0, (sarah.save(create("Vault", sarah.new_id("Vault"), Name="v")),))
    [result] = lab.run(upload(lab.org, begin, request)).results
    assert codes(result.outcome) == [(Code.PERMISSION, None)]
    assert tries == [("Keys",), ()]


@pytest.mark.usefixtures("patient")
def test_a_change_of_rights_waits_for_the_save_in_progress(lab: Lab, sarah: Phone, admin: Phone) -> None:
    user = sarah.session.user.id
    change = update("User", user, ProfileId=(row_id(lab, "Profile", "Rep"), row_id(lab, "Profile", "Integration")))

    async def run() -> tuple[bool, Outcome]:
        async with calling(lab.org, sarah.token) as (work, caller):
            await lock_head(lab.org, work, caller)
            taking = asyncio.create_task(admin.send(admin.save(change)))
            async with lab.org.pool.connection() as watching:
                waiting = False
                while not waiting and not taking.done():
                    [waiting] = await (
                        await watching.execute("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
                    ).fetchone()  # type: ignore[misc]
        response = await taking
        return waiting, response.results[0].outcome

    assert lab.run(run()) == (True, Saved())
    assert isinstance(attempt(sarah, create("Vault", sarah.new_id("Vault"), Name="v")), Saved), "the new profile may"


def test_deployed_permissions_count_from_the_next_request(lab: Lab, sarah: Phone) -> None:
    catalog = shops(PACK.replace("Shop: [create, edit]", "Shop: [read]"))
    deploy_catalog(lab.uri, "small", catalog, world=lab.world, dry_run=False, allow_drop=False)
    item = create("Shop", sarah.new_id("Shop"), Name="x")
    with pytest.raises(Refused) as stale:
        attempt(sarah, item)
    assert stale.value.problem.code is Code.BUSY, "a server that has not taken it up yet serves nobody by old rights"
    lab.reopen()
    assert codes(attempt(sarah, item)) == [(Code.PERMISSION, None)]


def refused(work: object) -> Problem:
    with pytest.raises(Refused) as found:
        work()  # type: ignore[operator]
    return found.value.problem


def test_the_guard_refuses_ipads_whose_person_may_change_metadata(lab: Lab, sarah: Phone, admin: Phone) -> None:
    given(lab, admin, sarah, "Coder")
    save = sarah.save(create("Shop", sarah.new_id("Shop"), Name="x"))
    sarah.download()
    setting = admin.new_id("Sync_Setting")
    values = {"Name": "Guard", "Setting": "Metadata_Api_Guard", "Value": "refuse"}
    assert isinstance(admin.outcome(create("Sync_Setting", setting, **values)), Saved)
    told = refused(lambda: sarah.upload(save))
    assert (told.code, "iPad" in told.message) == (Code.METADATA_API, True)
    assert refused(sarah.download).code is Code.METADATA_API
    admin.download()
    lab.query('UPDATE "Device" SET "Platform" = %(p)s RETURNING 1', p=Platform.WINDOWS.value)
    assert isinstance(sarah.upload(save).results[0].outcome, Saved), "elsewhere only the admin is told"


def test_pages_show_what_their_reader_may_read(lab: Lab, sarah: Phone, admin: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "x", "Debt": 7, "City": "Graz"})
    assert isinstance(admin.outcome(update("Shop", shop, Debt=(7, 9), City=("Graz", "Linz"))), Saved)
    [(transaction,)] = lab.query('SELECT "Id" FROM "Sync_Transaction"')

    async def seen(phone: Phone) -> tuple[set[str], set[str]]:
        async with reading(lab.org, phone.token) as (work, caller):
            reader = await reader_of(lab.org, work, caller)
            values = (await read_record(lab.org, work, reader, "Shop", shop)).values
            _, [record], _ = await Oversight(lab.org).transaction(transaction, caller.rights)
            return set(values), {change.field for change in record.changes}

    every, changed = lab.run(seen(admin))
    assert (lab.run(seen(sarah)), changed) == ((every - {"Debt", "Owes"}, {"City"}), {"City", "Debt"})

    async def listed() -> None:
        async with reading(lab.org, sarah.token) as (work, caller):
            await read_record(lab.org, work, await reader_of(lab.org, work, caller), "Vault", shop)

    assert refused(lambda: lab.run(listed())).code is Code.UNKNOWN_OBJECT
