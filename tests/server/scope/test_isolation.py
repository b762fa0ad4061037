"""Nobody is told anything of what he may not read: by any request, refusal, count, order or token (L4; I15, I31)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from tests.server.lab import Phone, create, delete, update
from tests.server.scope.asking import alike, encoded, read_download, read_refresh
from tests.server.scope.canaries import Planted
from tests.server.scope.test_rules import drop_rules, rule
from tests.server.scope.test_sharing import saved as assert_saved

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Item, Operation, Rejected, Saved
from fieldsync.schema.sync_rule import RuleType

Ids = Mapping[str, RecordId]
Saves = list[list[Item]]


def undelete(object_name: str, record_id: RecordId) -> Item:
    return Item(object_name, record_id, Operation.UNDELETE, {})


def seen(item: Item, stamp: int = 2**52) -> Item:
    """With a version that the device never had."""
    return msgspec.structs.replace(item, seen=stamp)


def note(record_id: RecordId) -> Item:
    return update("Visit", record_id, Notes=("a", "b"))


def city(record_id: RecordId) -> Item:
    return update("Clinic", record_id, City=("a", "b"))


ATTACKS: dict[str, Callable[[Phone, Ids, Ids], Saves]] = {
    "an edit": lambda _, __, x: [[city(x["Clinic"])]],
    "an edit with a version": lambda _, __, x: [[seen(city(x["Clinic"]))]],
    "a delete": lambda _, __, x: [[delete("Clinic", x["Clinic"])]],
    "a delete with a version": lambda _, __, x: [[seen(delete("Visit_Line", x["Visit_Line"]))]],
    "an undelete": lambda _, __, x: [[undelete("Clinic", x["Clinic"])]],
    "a create under its id": lambda _, __, x: [[create("Clinic", x["Clinic"], Name="x")]],
    "taking it over": lambda p, _, x: [[update("Clinic", x["Clinic"], OwnerId=(None, p.session.user.id))]],
    "a new record that points to it": lambda p, _, x: [
        [create("Memo", p.new_id("Memo"), Name="x", ClinicId=x["Clinic"])]
    ],
    "a formula that would show it": lambda _, own, x: [[update("Clinic", own["Clinic"], ParentId=(None, x["Clinic"]))]],
    "a detail under it": lambda p, _, x: [[create("Doctor", p.new_id("Doctor"), Name="x", ClinicId=x["Clinic"])]],
    "a family under it": lambda p, _, x: [[create("Visit", p.new_id("Visit"), Name="x", ClinicId=x["Clinic"])]],
    "a part of its family": lambda p, _, x: [
        [create("Visit_Line", p.new_id("Visit_Line"), Name="x", VisitId=x["Visit"])]
    ],
    "a part with its root": lambda p, _, x: [
        [create("Visit_Line", p.new_id("Visit_Line"), Name="x", VisitId=x["Visit"]), note(x["Visit"])]
    ],
    "two of one family": lambda _, __, x: [
        [update("Visit_Line", x["Visit_Line"], Product=("a", "b")), note(x["Visit"])]
    ],
    "a part with another root": lambda p, own, x: [
        [create("Visit_Line", p.new_id("Visit_Line"), Name="x", VisitId=x["Visit"]), note(own["Visit"])]
    ],
    "what waits for a refusal": lambda p, _, x: [
        [city(x["Clinic"])],
        [create("Memo", p.new_id("Memo"), Name="x", ClinicId=x["Clinic"])],
    ],
    "another object's name": lambda _, __, x: [[update("Doctor", x["Clinic"], Skill=("a", "b"))]],
    "an object that is closed": lambda _, __, x: [[update("Debt", x["Debt"], Amount=(1, 2))]],
    "a hidden field": lambda _, own, __: [[update("Clinic", own["Clinic"], Wealth=(1, 2))]],
    "a predecessor": lambda _, __, x: [[msgspec.structs.replace(city(x["Clinic"]), after=1)]],
}


def test_a_save_cannot_tell_a_foreign_record_from_one_that_is_not_there(planted: Planted) -> None:
    lab = planted.lab
    foreign, own = planted.records["sarah"], planted.records["tom"]
    unknown = {name: planted.unknown(name) for name in foreign}
    before = lab.query('SELECT count(*), max(_stamp) FROM "Clinic" WHERE "Name" LIKE \'canarysarah%%\'')
    told: list[dict[str, str]] = []
    for device, target in (("ipad-2", foreign), ("ipad-3", unknown)):
        phone, said = lab.phone("tom", device), {}
        for name, attack in ATTACKS.items():
            answer = encoded(phone.upload(*(phone.save(*items) for items in attack(phone, own, target))))
            words = [w for w in planted.found_in(answer) if w.decode() not in target.values()]
            assert words == [], name
            said[name] = alike(answer)
            phone.upload(undone=tuple(range(1, phone.n + 1)))
        told.append(said)
    assert told[0] == told[1]
    assert all('"Saved"' not in said for said in told[0].values())
    assert before == lab.query('SELECT count(*), max(_stamp) FROM "Clinic" WHERE "Name" LIKE \'canarysarah%%\'')


def test_who_may_read_a_record_may_point_to_it(planted: Planted) -> None:
    """A manager, an admin, and a device whose own new record is not there yet."""
    clinic = planted.records["sarah"]["Clinic"]
    for phone in (planted.boss, planted.admin, planted.sarah):
        assert isinstance(phone.outcome(create("Memo", phone.new_id("Memo"), Name="x", ClinicId=clinic)), Saved)
    tom = planted.tom
    new = tom.new_id("Clinic")
    answer = tom.upload(
        tom.save(create("Clinic", new, Name="new")),
        tom.save(create("Memo", tom.new_id("Memo"), Name="x", ClinicId=new)),
    )
    assert all(isinstance(result.outcome, Saved) for result in answer.results)


def test_a_delete_of_what_the_device_had_and_is_no_more_is_done(planted: Planted) -> None:
    lab = planted.lab
    tom, memo = planted.tom, planted.records["tom"]["Memo"]
    [(stamp,)] = lab.query('SELECT _stamp FROM "Memo" WHERE "Id" = %(i)s', i=memo)

    async def purge() -> None:
        async with lab.org.pool.connection() as connection:
            await connection.execute('DELETE FROM "Memo" WHERE "Id" = %(i)s', {"i": memo})

    lab.run(purge())
    assert isinstance(tom.outcome(delete("Memo", memo, stamp)), Saved)


def test_no_rule_widens_what_is_shared_and_only_admins_save_rules(planted: Planted) -> None:
    """Every kind of rule that asks for everything: sharing is asked besides, for each row and whatever brings it."""
    lab, admin, tom = planted.lab, planted.admin, planted.tom
    drop_rules(lab, *planted.records["tom"])
    every = "Name != null OR Name = null OR OwnerId != @@USER_ID@@"
    parent = {"type": RuleType.CHILD_AND_PARENT, "relationship_field": "ClinicId"}
    wide = (
        {"object": "Clinic", "where": every, "include_related": True},
        {"object": "Doctor", "where": every, **parent},
        {"object": "Visit", "where": "ClinicId NOT IN (SELECT Id FROM Clinic WHERE Name = 'x')", **parent},
        {"object": "Visit_Line", "where": "Visit.Clinic.City LIKE '%'"},
        {"object": "Memo", "where": "ClinicId IN ({CLINIC.IDS}) OR ClinicId NOT IN ({CLINIC.IDS})"},
        {"object": "Debt", "where": every},
    )
    for declared in wide:
        assert_saved(admin.outcome(rule(admin, **declared)))
    for asked in (read_download(lab, tom.token), read_refresh(lab, tom.token)):
        said = lab.run(asked)
        assert b"canarytom" in said
        assert planted.found_in(said) == []
    refused = tom.outcome(rule(tom, object="Clinic", device="iPad", where=every))
    assert isinstance(refused, Rejected)
    assert refused.problems[0].code is Code.PERMISSION
