"""The world of one script: an org on real PostgreSQL, people with devices, an admin who works online, and the judge."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field

import msgspec
from tests.server.lab import PASSWORD, START, Lab, Phone
from tests.server.scope.proof.conditions import Cond, Row, low
from tests.server.scope.proof.device import Device
from tests.server.scope.proof.facts import Facts, Whom, question, read_facts
from tests.server.scope.proof.oracle import Oracle
from tests.server.scope.proof.pack import OBJECTS, Model, catalog_of
from tests.server.scope.proof.selections import SHARED

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.world import ManualClock, SeededChance
from fieldsync.base.world import World as Outside
from fieldsync.protocol.session import DeviceDescription, Platform, SignIn
from fieldsync.protocol.upload import Change, Item, Operation, Outcome, Saved
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.sync_rule import SyncRule, record_of
from fieldsync.server.http.context import calling
from fieldsync.server.org.create import create_org, deploy_catalog
from fieldsync.server.org.open import reopen_org
from fieldsync.server.org.users import NewUser
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.scope.delta.past import route_key
from fieldsync.server.sync.session import open_console

SHARED_TEXTS = {name: cond.text for name, cond in SHARED.items()}
PEOPLE = {"sarah": "Rep", "tom": "Rep", "ann": "Lead", "bob": "Boss", "carl": "System_Administrator"}
"""Carl works in a browser, slowly."""
DEVICES = (
    ("sarah", "pad", Platform.IPAD),
    ("sarah", "phone", Platform.IPHONE),
    ("tom", "desk", Platform.WINDOWS),
    ("ann", "pad", Platform.IPAD),
    ("bob", "pad", Platform.IPAD),
)
UNUSED = "('Profile', 'RecordType', 'Content')"
"""Rules of the platform that these tests do without."""


class Handset(Phone):
    """A phone of any kind of device."""

    def __init__(self, lab: Lab, name: str, device: str, platform: Platform) -> None:
        self.lab, self.n, self.counter = lab, 0, 0
        self.key = (f"{name}-{device}-" + "k" * 43)[:60]
        description = DeviceDescription(self.key, device, platform, "17.1", "1.0")
        self.session = lab.run(self._signed_in(SignIn("small", f"{name}@small.example", PASSWORD, description)))
        self.number = self.session.device_number
        self.checkpoint, self.cursor = None, ""


@dataclass
class Prepared:
    """What goes with a template database: the sessions of the devices, and of the browsers of the admin and of Carl."""

    phones: list[Handset] = field(default_factory=list)
    tokens: tuple[str, str] = ("", "")


def catalog(model: Model) -> Catalog:
    """The catalog of a model."""
    return catalog_of(model, SHARED_TEXTS)


def prepare(uri: str, model: Model) -> Prepared:
    """Create the org with its people, their devices signed in, a tree of territories, and no rows."""
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", catalog(model), admin=admin, world=Outside(ManualClock(START), SeededChance(6)))
    lab = Lab(uri)
    for name, profile in PEOPLE.items():
        lab.person(name, profile)
    [nation] = lab.rows("Territory", {"Name": "Nation"})
    lab.rows("Territory", *({"Name": n, "ParentId": nation} for n in ("North", "South")))
    found = Prepared([Handset(lab, *device) for device in DEVICES], (_console(lab, "admin"), _console(lab, "carl")))
    lab.run(_execute(lab, f'DELETE FROM "Sync_Rule" WHERE "Object_Name" IN {UNUSED}'))
    lab.close()
    return found


def _console(lab: Lab, name: str) -> str:
    async def signed_in() -> str:
        async with transaction(lab.org.pool) as work:
            return (await open_console(lab.org, work, f"{name}@small.example", PASSWORD))[1]

    return lab.run(signed_in())


async def _execute(lab: Lab, sql: str) -> None:
    async with lab.org.pool.connection() as connection:
        await connection.execute(sql)


async def _purge(lab: Lab, name: str, record_id: str, route: str | None) -> None:
    entry = (
        "INSERT INTO _change (day, stamp, version, seq, object, id, kind, old, route_before, at)"
        " SELECT %s, offsets.stamp, greatest(offsets.stamp, row._stamp + 1), 0, %s, row.\"Id\", 'purged',"
        f' to_jsonb(row), %s, now() FROM "{name}" row,'
        " (SELECT e.offset + pg_current_xact_id()::text::bigint AS stamp FROM _epoch e ORDER BY number DESC LIMIT 1)"
        ' offsets WHERE row."Id" = %s'
    )
    async with lab.org.pool.connection() as connection:
        await connection.execute(entry, (lab.clock.now().date(), name, route and route_key(name, route), record_id))
        await connection.execute(f'DELETE FROM "{name}" WHERE "Id" = %s', (record_id,))


class SlowTransaction:
    """A transaction that takes long. Its number is that of its beginning: what it writes late has an old stamp."""

    def __init__(self, lab: Lab, token: str) -> None:
        self._lab, self._calls = lab, calling(lab.org, token)
        self._work, self._caller = lab.run(self._calls.__aenter__())
        self._frame = lab.run(lock_head(lab.org, self._work, self._caller))
        self.locked: set[str] = set()
        self.old = False
        """Whether it is time to commit."""

    def save(self, *items: Item) -> bool:
        """Whether all were saved; each is a transaction of its own to the journal."""
        incoming = tuple(
            Incoming(ids.uuid7(n, self._lab.world.chance.bytes(10)), 900 + n, "", self._frame.now, (item,))
            for n, item in enumerate(items)
        )
        self.locked |= {item.id for item in items}
        done = self._lab.run(save(self._lab.org, self._work, self._caller, self._frame, incoming))
        return all(isinstance(result.outcome, Saved) for result in done.results)

    def commit(self) -> None:
        self._lab.run(self._calls.__aexit__(None, None, None))


class World:
    """One org while a script runs. Close its lab when done."""

    def __init__(self, uri: str, model: Model, prepared: Prepared) -> None:
        self.lab, self.model = Lab(uri), model
        self.lab.stay_signed_in()
        self._token, self._slow_token = prepared.tokens
        self.meanings: dict[str, Cond] = {}
        self.readable: dict[str, set[str]] = defaultdict(set)
        """Person to every id he could ever read."""
        self.fed: dict[str, set[str]] = defaultdict(set)
        """Person to every id that his feed may have brought to any of his devices."""
        self.slow: SlowTransaction | None = None
        self.counter = 0
        self.strict = False
        """Whether a save of the admin that is refused is a mistake of the test."""
        self.devices = [self._device(phone) for phone in prepared.phones]
        self.facts = self.look()

    def _device(self, phone: Handset) -> Device:
        mine = copy.copy(phone)
        mine.lab = self.lab
        [(device,)] = self.lab.query("SELECT device_id FROM _device_number WHERE number = %(n)s", n=phone.number)
        return Device(self, mine, Whom(phone.session.user.id, device))

    @property
    def people(self) -> list[str]:
        """Ids of those who have devices."""
        return list(dict.fromkeys(device.whom.user for device in self.devices))

    def look(self) -> Facts:
        """The facts now; what everybody may read is noted, and what families hold that came by the feed."""
        found = self.lab.query(question())
        facts = read_facts(((name, text) for name, text in found), self.lab.clock.now(), self.model)
        for user in self.people:
            oracle = Oracle(facts, Whom(user), self.meanings)
            for name, rows in facts.rows.items():
                self.readable[user] |= {i for i, row in rows.items() if oracle.readable(name, row)}
            self._note_families(facts, self.fed[user])
        self.facts = facts
        return facts

    def _note_families(self, facts: Facts, fed: set[str]) -> None:
        """What the feed names comes with its family, and with its master."""
        for name, reference in (("Visit_Line", "VisitId"), ("Link", "ShopId")):
            details = facts.rows[name].values()
            fed |= {row[reference] for row in details if row["Id"] in fed}
            if name == "Visit_Line":
                fed |= {row["Id"] for row in details if row[reference] in fed}

    def oracle(self, whom: Whom) -> Oracle:
        """The judge for one device, as things are now."""
        return Oracle(self.look(), whom, self.meanings)

    def new_id(self, name: str) -> RecordId:
        """An id for a record that is made online."""
        self.counter += 1
        return ids.mint(self.lab.org.catalog[name].prefix, ids.DeviceNumber("00zzz"), self.counter)

    def online(self, *items: Item) -> Outcome:
        """A save of the admin, in the browser."""
        outcome = self.lab.run(self._online(items))
        assert isinstance(outcome, Saved) or not self.strict, outcome
        return outcome

    async def _online(self, items: tuple[Item, ...]) -> Outcome:
        org = self.lab.org
        async with calling(org, self._token) as (work, caller):
            frame = await lock_head(org, work, caller)
            self.counter += 1
            txn = ids.uuid7(self.counter, self.lab.world.chance.bytes(10))
            incoming = Incoming(txn, self.counter, "", frame.now, items)
            done = await save(org, work, caller, frame, (incoming,))
        return done.results[0].outcome

    def make(self, name: str, **values: object) -> RecordId:
        """A record made online."""
        new = self.new_id(name)
        if name in OBJECTS:
            values = {"Name": name, **values}
        item = Item(name, new, Operation.CREATE, {k: Change(None, v) for k, v in values.items()})
        self.online(item)
        return new

    def change(self, name: str, record_id: str, **values: object) -> Outcome:
        """A record changed online."""
        return self.online(self.changing(name, record_id, **values))

    def changing(self, name: str, record_id: str, **values: object) -> Item:
        """An edit, with the values that are there as the old ones."""
        row = self.facts.rows[name][record_id]
        changes = {k: Change(row[k], v) for k, v in values.items()}
        return Item(name, RecordId(record_id), Operation.UPDATE, changes, row["_stamp"])

    def remove(self, name: str, record_id: str) -> Outcome:
        """A record deleted online."""
        seen = self.facts.rows[name][record_id]["_stamp"]
        return self.online(Item(name, RecordId(record_id), Operation.DELETE, {}, seen))

    def bring_back(self, name: str, record_id: str) -> Outcome:
        """A record undeleted online."""
        seen = self.facts.rows[name][record_id]["_stamp"]
        return self.online(Item(name, RecordId(record_id), Operation.UNDELETE, {}, seen))

    def begin_slowly(self) -> SlowTransaction:
        """A transaction of Carl that begins now, and commits when it is told to."""
        self.slow = SlowTransaction(self.lab, self._slow_token)
        return self.slow

    def end_slow(self) -> None:
        """Commit it, if there is one."""
        if self.slow is not None:
            self.slow.commit()
        self.slow = None

    def close(self) -> None:
        """Leave the database."""
        self.end_slow()
        self.lab.close()

    def deploy(self, model: Model) -> None:
        """The org gets another data model; servers and devices take it up."""
        self.end_slow()
        deploy_catalog(self.lab.uri, "small", catalog(model), world=self.lab.world, dry_run=False, allow_drop=True)
        self.lab.org = self.lab.run(reopen_org(self.lab.uri, self.lab.org))
        self.model = model
        for device in self.devices:
            device.remodel()

    def rule(self, rule: SyncRule, cond: Cond | None = None) -> RecordId:
        """A rule made online, of this condition."""
        if cond is not None:
            rule = msgspec.structs.replace(rule, where=cond.text)
            self.meanings[cond.text] = cond
        values = record_of(rule)
        new = self.make("Sync_Rule", **{k: v for k, v in values.items() if v is not None})
        self.look()
        return new

    def purge(self, name: str, record_id: str) -> None:
        """A record is gone for good: its row, and an entry in the change log that holds all of it."""
        route = dict(self.model.routes).get(name)
        self.lab.run(_purge(self.lab, name, record_id, low(self.facts.rows[name][record_id][route]) if route else None))
        self.look()

    def device(self, person: str, name: str = "pad") -> Device:
        """The device of a person."""
        return self.devices[[(who, kind) for who, kind, _ in DEVICES].index((person, name))]

    def alive(self, name: str) -> list[Row]:
        """Records that are there and that nobody locks, in order of ids."""
        locked = self.slow.locked if self.slow is not None else ()
        return sorted((r for r in self.facts.present(name) if r["Id"] not in locked), key=lambda row: row["Id"])

    def dead(self, name: str) -> list[Row]:
        """Deleted ones."""
        return sorted((r for r in self.facts.rows[name].values() if r["IsDeleted"]), key=lambda row: row["Id"])
