"""What every run starts from: an org with people, territories and accounts, made once and copied for each run.

The org's own pack has what the shipped ones lack: objects with each conflict policy, and a rule that refuses a value.
Rows of the territory where nobody of a run works hold a secret that no device may ever be sent (law L4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.schema.model import Field, FieldType, Pack
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import Seeding, insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.connect import lone_connection
from fieldsync.server.postgres.names import quoted
from fieldsync.sim.network import SECRET
from fieldsync.sim.territory import add_accounts, found_territory

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ORG = "sim"
PASSWORD = "simulated people sign in 7"
ADMIN = "admin"
REFUSED_PHONE = "none"
"""A value that a validation rule of the org refuses."""
ACCOUNTS = 12
HOT = 3
"""So many accounts everybody edits: this is where conflicts come from."""
SIMULATED = frozenset(
    {"User", "RecordType", "Territory", "Territory_Account", "Account", "Address", "Call", "Call_Discussion"}
    | {"Order", "Delivery_Order", "Depot", "Stall"}
)
PACK = f"""
name: own
label: Own
objects:
  - name: Depot
    label: Depot
    prefix: s02
    conflict: device
    when_deleted_elsewhere: recreate
    fields:
      - {{name: City, type: text}}
      - {{name: Phone, type: text, conflict: server}}
  - name: Stall
    label: Stall
    prefix: s03
    fields:
      - {{name: City, type: text}}
      - {{name: Phone, type: text}}
extensions:
  - object: Account
    validation_rules:
      - {{name: A_Number, condition: 'AND(Phone = "{REFUSED_PHONE}", OR(ISNEW(), TRUE))', message: Say a number.}}
sync_rules:
  - {{object: Depot, type: full}}
  - {{object: Stall, type: full}}
"""


@dataclass(frozen=True)
class Person:
    """Somebody who works in a run."""

    name: str
    profile: str
    id: RecordId

    @property
    def username(self) -> str:
        return f"{self.name}@sim.example"


REP, MANAGER = "Field_Representative", "Field_Manager"
PEOPLE = (("sarah", REP), ("tom", REP), ("mia", MANAGER))
OWNERS = (0, 0, 1, 2, 1, 0, 2, 1)
"""Whose the first devices are; then it begins again."""


@dataclass
class Ground:
    """The records a run begins with."""

    people: dict[str, Person] = field(default_factory=dict)
    territories: dict[str, RecordId] = field(default_factory=dict)
    """nation, north, south, far."""
    accounts: list[RecordId] = field(default_factory=list)


def packs() -> list[Pack]:
    """The packs the product ships, and the org's own, with the rules of what is simulated: each of the others costs
    every sync time."""
    every = [*load_packs(), parse_pack(PACK, "own")]
    return [msgspec.structs.replace(p, sync_rules=_simulated(p.sync_rules)) for p in every]


def _simulated(rules: tuple[SyncRule, ...] | None) -> tuple[SyncRule, ...]:
    return tuple(rule for rule in rules or () if rule.object in SIMULATED)


def catalog_with(extra_fields: Iterable[str]) -> Catalog:
    """The catalog with so many more fields on the call."""
    more = tuple(Field(name=name, type=FieldType.TEXT, length=40) for name in extra_fields)
    return build([_with_fields(pack, more) for pack in packs()])


def _with_fields(pack: Pack, more: tuple[Field, ...]) -> Pack:
    objects = tuple(
        msgspec.structs.replace(one, fields=(*one.fields, *more)) if one.name == "Call" else one for one in pack.objects
    )
    return msgspec.structs.replace(pack, objects=objects)


def make_ground(uri: str) -> Ground:
    """The org in an empty database."""
    world = World(ManualClock(START), SeededChance("ground"))
    admin = NewUser(f"{ADMIN}@sim.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, catalog_with(()), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        return _settled(seeding, world)


def _settled(seeding: Seeding, world: World) -> Ground:
    made = Ground()
    made.people[ADMIN] = Person(ADMIN, "System_Administrator", seeding.user_id)
    for name, profile in PEOPLE:
        user = NewUser(f"{name}@sim.example", PASSWORD, profile, name.title())
        made.people[name] = Person(name, profile, create_user(seeding, user, world.chance))
    sarah, tom, mia = (made.people[name].id for name, _ in PEOPLE)
    nation = found_territory(seeding, [mia], "Nation")
    north = found_territory(seeding, [sarah], "North", nation)
    south = found_territory(seeding, [tom], "South", nation)
    far = found_territory(seeding, [], "Far")
    made.territories = {"nation": nation, "north": north, "south": south, "far": far}
    names = [{"Name": f"Account {i}"} for i in range(ACCOUNTS)]
    made.accounts = add_accounts(seeding, north, names[:8])
    made.accounts += add_accounts(seeding, south, names[8:])
    shared = [{"AccountId": a, "TerritoryId": south} for a in made.accounts[:HOT]]
    insert_rows(seeding, "Territory_Account", shared)
    insert_rows(seeding, "Address", [{"Name": f"Street {i}", "AccountId": a} for i, a in enumerate(made.accounts)])
    _hide(seeding, far)
    return made


def _hide(seeding: Seeding, far: RecordId) -> None:
    """Rows that nobody in the run may read."""
    secret = SECRET.decode()
    hidden = add_accounts(seeding, far, [{"Name": f"{secret} {i}", "Description": secret} for i in range(2)])
    insert_rows(seeding, "Address", [{"Name": secret, "AccountId": a} for a in hidden])
    call: Mapping[str, object] = {"AccountId": hidden[0], "Call_Date": seeding.now, "Notes": secret}
    insert_rows(seeding, "Call", [call])


END_SESSIONS = """
SELECT pg_terminate_backend(pid, 10000) FROM unnest((
  SELECT array_agg(CASE WHEN pg_terminate_backend(pid) THEN pid END) FROM pg_stat_activity WHERE datname = {name}
)) pid WHERE pid IS NOT NULL
"""
"""All are told, and waited for: whether one is still dying when the next request comes must not be chance (L11)."""


class Databases:
    """Databases of one PostgreSQL for runs: copies of the ground, backups of a run, all dropped when done."""

    def __init__(self, uri: str, prefix: str = "sim") -> None:
        self._uri, self._prefix = uri, prefix
        self._ground: Ground | None = None
        self._count = 0

    def uri(self, name: str) -> str:
        """Where a database is."""
        before, _, after = self._uri.rpartition("/")
        _, mark, options = after.partition("?")
        return f"{before}/{name}{mark}{options}"

    def fresh(self) -> tuple[str, Ground]:
        """The name of a new copy of the ground, and what is in it."""
        template = f"{self._prefix}_ground"
        if self._ground is None:
            self.drop(template)
            self._run(f"CREATE DATABASE {quoted(template)}")
            self._ground = make_ground(self.uri(template))
        self._count += 1
        name = f"{self._prefix}_{self._count}"
        self.drop(name)
        self.copy(template, name)
        return name, Ground(dict(self._ground.people), dict(self._ground.territories), list(self._ground.accounts))

    def copy(self, source: str, target: str) -> None:
        """A copy of a database that nobody is connected to."""
        self._run(f"CREATE DATABASE {quoted(target)} TEMPLATE {quoted(source)}")

    def drop(self, name: str) -> None:
        """Remove it, also under somebody's open connection."""
        self._run(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")

    def end_connections(self, name: str) -> None:
        """Every session of the database ends, as when PostgreSQL was told so."""
        self._run(END_SESSIONS.format(name=quoted(name).replace('"', "'")))

    def _run(self, statement: str) -> None:
        with lone_connection(self._uri, "public") as connection:
            connection.exec_driver_sql(statement)
