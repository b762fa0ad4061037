"""An old value counts as still there however it is spelled, and as changed when it is another (FEATURES K13)."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import Databases
from tests.server.lab import PASSWORD, START, Lab, update
from tests.spellings import FIELDS, Spelled, spelled

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.upload import Rejected, Saved, decode_items, encode_items
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import build
from fieldsync.schema.fields import canonical, same
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Object, Pack
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

THING = RecordId("a00000000000000AAA")


def prepare(uri: str) -> None:
    everything = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    thing = Object(name="Thing", label="Thing", prefix="a00", fields=FIELDS)
    rep = Profile(name="Rep", label="Rep", objects={"Thing": everything, "User": (Access.READ,)})
    pack = Pack(name="things", label="Things", objects=(thing,), profiles=(rep,))
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    world = World(ManualClock(START), SeededChance(6))
    create_org(uri, "small", build([*load_packs(("platform",)), pack]), admin=admin, world=world)


def test_the_server_compares_values_and_not_their_spelling(databases: Databases) -> None:
    name = databases.create(databases.template("things", prepare))
    lab = Lab(databases.uri(name))
    try:
        lab.person("sarah")
        phone = lab.phone("sarah")

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(spelled(), min_size=1, max_size=20))
        def check(found: list[Spelled]) -> None:
            rows = lab.rows("Thing", *({"Name": "x", one.field.name: one.one} for one in found for _ in range(3)))
            saves = []
            for number, one in enumerate(found):
                kept, other, same = rows[3 * number : 3 * number + 3]
                column = one.field.name
                saves.append(phone.save(update("Thing", kept, None, **{column: (one.two, one.other)})))
                saves.append(phone.save(update("Thing", other, None, **{column: (one.other, _third(one))})))
                saves.append(phone.save(update("Thing", same, None, **{column: (one.other, one.two)})))
            outcomes = [result.outcome for result in phone.upload(*saves).results]
            for number, one in enumerate(found):
                applied, refused, nothing = outcomes[3 * number : 3 * number + 3]
                assert isinstance(applied, Saved), (one, applied)
                assert isinstance(nothing, Saved), (one, nothing)
                if _third(one) is not None:
                    assert isinstance(refused, Rejected), one
                    assert [reason.code for reason in refused.problems] == [Code.CONFLICT_OLD_VALUE]

        check()
        stored = lab.query('SELECT count(*) FROM "Thing"')
        assert stored[0][0] > 0
    finally:
        lab.close()
        databases.drop(name)


def _third(one: Spelled) -> object:
    """A value that is neither; None where the type has only two."""
    kind = one.field.type.value
    thirds = {
        "text": "a third",
        "long_text": "a third",
        "number": 99_999_999,
        "datetime": "2199-01-01T00:00:00Z",
        "date": "2199-01-01",
    }
    return thirds.get(kind)


def test_items_say_the_same_after_the_wire() -> None:
    @settings(max_examples=300, deadline=None)
    @given(spelled())
    def check(one: Spelled) -> None:
        values = [canonical(one.field, value) for value in (one.one, one.two, one.other)]
        item = update("Thing", THING, None, **{one.field.name: (values[0], values[2])})
        [read] = decode_items(msgspec.Raw(encode_items((item,))))
        change = read.changes[one.field.name]
        assert same(one.field, canonical(one.field, change.old), values[1])
        assert not same(one.field, canonical(one.field, change.new), values[1])

    check()
