"""What may happen in a world, one random act a step. A step is (name, seed), so that a script can be cut down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

from tests.server.lab import create
from tests.server.scope.proof.device import Device
from tests.server.scope.proof.pack import OBJECTS
from tests.server.scope.proof.ruling import rule
from tests.server.scope.proof.values import Values, an_id, creating, some, values_of
from tests.server.scope.proof.world import World

from fieldsync.base.world import instant
from fieldsync.protocol.upload import Change, Item, Operation, Rejected


def make(random: Random, world: World) -> None:
    """Somebody makes a record online; the owner may be anybody."""
    name = random.choice(["Shop", "Shop", *OBJECTS])
    item = creating(random, world, name, world.new_id(name))
    if item is not None:
        owner = Change(None, random.choice(world.people))
        world.online(Item(item.object, item.id, item.operation, {**item.changes, "OwnerId": owner}))


def edit(random: Random, world: World) -> None:
    """Somebody edits one to three fields of a record online; its owner too; two records at once."""
    items = []
    for _ in range(random.choice([1, 1, 2])):
        name = random.choice(["Shop", "Shop", *OBJECTS])
        row = some(random, world.alive(name))
        if row is not None:
            values = values_of(random, world, name) | {"OwnerId": random.choice(world.people)}
            fields = random.sample(sorted(values), min(len(values), random.choice([1, 1, 2, 3])))
            wanted = {f: values[f] for f in fields if values[f] is not None or f not in ("ShopId", "VisitId")}
            items.append(world.changing(name, row["Id"], **wanted))
    for item in items:
        world.online(item)


def remove(random: Random, world: World) -> None:
    """A record is deleted online, or brought back."""
    name = random.choice(OBJECTS)
    if random.random() < 0.4:
        row = some(random, world.dead(name))
        if row is not None:
            world.bring_back(name, row["Id"])
        return
    row = some(random, world.alive(name))
    if row is not None:
        world.remove(name, row["Id"])


def assign(random: Random, world: World) -> None:
    """Somebody begins to work in a territory, or that ends; from a day and until a day."""
    existing = some(random, world.alive("User_Territory"))
    today = world.facts.today

    def later(days: int) -> str:
        return (today + timedelta(days=days)).isoformat()

    dates: Values = {
        "Start_Date": random.choice([None, None, later(-2), later(1), later(2)]),
        "End_Date": random.choice([None, None, later(0), later(1), later(-1)]),
    }
    if existing is not None and random.random() < 0.6:
        kind = random.choice(["dates", "off", "move", "delete"])
        if kind == "delete":
            world.remove("User_Territory", existing["Id"])
            return
        moves = {"TerritoryId": an_id(random, world, "Territory", 0)}
        changes = {"dates": dates, "off": {"Active": not existing["Active"]}, "move": moves}
        world.change("User_Territory", existing["Id"], **changes[kind])
        return
    territory = an_id(random, world, "Territory", 0)
    primary = random.random() < 0.5
    who = random.choice(world.people)
    given = {k: v for k, v in dates.items() if v is not None}
    world.make("User_Territory", UserId=who, TerritoryId=territory, Active=True, Primary=primary, **given)


REFERENCES = ("ParentId", "ShopId")
"""Who moves a record under another one is not slow: its stamp has to be above those of what its formulas looked at."""


def slowly(random: Random, world: World) -> None:
    """Carl begins a save that commits some steps later; before it does it may reach what others wrote since."""
    if world.slow is None:
        slow, edits = world.begin_slowly(), random.random() < 0.7
    else:
        slow, edits = world.slow, random.random() < 0.6
    name = random.choice(["Shop", "Shop", "Visit"])
    row = some(random, world.alive(name))
    if row is not None and edits:
        values = {f: value for f, value in values_of(random, world, name).items() if f not in REFERENCES}
        slow.save(world.changing(name, row["Id"], **{f: values[f] for f in random.sample(sorted(values), 2)}))
    if slow.old:
        world.end_slow()
    slow.old = True


def purge(random: Random, world: World) -> None:
    """A record to which nothing refers is gone for good."""
    world.end_slow()
    name = random.choice(OBJECTS)
    referred = {
        value for rows in world.facts.rows.values() for row in rows.values() for n, value in row.items() if n != "Id"
    }
    row = some(random, [r for r in [*world.dead(name), *world.alive(name)] if r["Id"] not in referred])
    if row is not None:
        world.purge(name, row["Id"])


def territory(random: Random, world: World) -> None:
    """The tree changes: a new territory, one moved under another, one renamed, one deleted."""
    row = some(random, world.alive("Territory"))
    kind = random.choice(["new", "move", "name", "delete"])
    if kind == "new" or row is None:
        world.make("Territory", Name=random.choice(["East", "West"]), ParentId=an_id(random, world, "Territory"))
    elif kind == "move":
        world.change("Territory", row["Id"], ParentId=an_id(random, world, "Territory"))
    elif kind == "name":
        world.change("Territory", row["Id"], Name=random.choice(["North", "south", "Hills"]))
    elif len(world.alive("Territory")) > 2:
        world.end_slow()  # what it saved refers to a territory, so a delete would wait for it
        world.remove("Territory", row["Id"])


def pick(random: Random, world: World) -> None:
    """A person picks one of his territories on a device, or none."""
    device = random.choice(world.devices)
    world.change("Device", str(device.whom.device), TerritoryId=an_id(random, world, "Territory", 0.4))


def person(random: Random, world: World) -> None:
    """A person gets another time zone, application profile or profile."""
    zones = ["UTC", "America/Los_Angeles", "Asia/Tokyo"]
    zone: Values = {"TimeZoneSidKey": random.choice(zones)}
    profile: Values = {"Application_Profile": random.choice([None, "Special"])}
    names = {row["Name"]: row["Id"] for row in world.facts.rows["Profile"].values()}
    other: Values = {"ProfileId": names[random.choice(["Rep", "Lead", "Boss"])]}
    world.change("User", random.choice(world.people), **random.choice([zone, profile, other]))


def permit(random: Random, world: World) -> None:
    """A permission set is given, for good or for some days, or taken away."""
    given = some(random, world.alive("Permission_Set_Assignment"))
    if given is not None and random.random() < 0.4:
        world.remove("Permission_Set_Assignment", given["Id"])
        return
    wanted = some(random, world.alive("Permission_Set"))["Id"]
    until = instant(world.facts.now.replace(hour=23, minute=0)) if random.random() < 0.4 else None
    values = {"AssigneeId": random.choice(world.people), "Permission_SetId": wanted}
    world.make("Permission_Set_Assignment", **values, **({"Expiration_Date": until} if until else {}))


def pass_time(random: Random, world: World) -> None:
    """Minutes, to just past midnight in UTC, a day or a few. No transaction lasts for days."""
    now = world.lab.clock.now()
    midnight = (24 - now.hour) * 3600 - now.minute * 60
    seconds = random.choice([60, 3600, 6 * 3600, midnight, midnight - 120, 86_400, 3 * 86_400])
    if seconds > 86_399:
        world.end_slow()
    world.lab.clock.advance(seconds)


def deploy(random: Random, world: World) -> None:
    """The data model gets a field, loses it, or has another formula."""
    if random.random() < 0.5 or any(
        "Label" in r["Where_Clause"] for r in world.alive("Sync_Rule") if r["Where_Clause"]
    ):
        world.deploy(world.model.with_field())
    else:
        world.deploy(world.model.with_sign())


def _device(random: Random, world: World) -> Device:
    return random.choice(world.devices)


def upload(random: Random, world: World) -> None:
    """A person makes or edits something on a device, which is sent at once."""
    device = _device(random, world)
    kind = random.choice(["make", "edit", "edit", "delete", "visit"])
    items = _visit(random, device) if kind == "visit" else _one(random, device, kind)
    if items:
        answer = device.phone.upload(device.phone.save(*items))
        world.look()
        device.take_answer(answer)
        if isinstance(answer.results[0].outcome, Rejected):
            device.phone.upload(undone=(device.phone.n,))
        world.look()


def _visit(random: Random, device: Device) -> list[Item]:
    """A family: a visit with lines."""
    world, phone = device.world, device.phone
    new = phone.new_id("Visit")
    root = creating(random, world, "Visit", new)
    assert root is not None
    items = [root]
    for _ in range(random.choice([0, 1, 2])):
        values = {k: v for k, v in values_of(random, world, "Visit_Line").items() if v is not None}
        items.append(create("Visit_Line", phone.new_id("Visit_Line"), **values | {"VisitId": new, "Name": "l"}))
    return items


def _one(random: Random, device: Device, kind: str) -> list[Item]:
    name = random.choice(["Shop", "Visit", "Visit_Line", "Link"])
    if kind == "make":
        item = creating(random, device.world, name, device.phone.new_id(name))
        return [item] if item is not None else []
    locked = device.world.slow.locked if device.world.slow is not None else set()
    held = {i: row for i, row in device.rows.get(name, {}).items() if i not in locked}
    record_id = some(random, sorted(held))
    if record_id is None:
        return []
    row = held[record_id]
    if kind == "delete":
        return [Item(name, record_id, Operation.DELETE, {}, row["_stamp"])]
    values = values_of(random, device.world, name) | {"OwnerId": random.choice(device.world.people)}
    known = [f for f in values if f in row]
    fields = random.sample(sorted(known), min(len(known), random.choice([1, 2])))
    same = random.random() < 0.1
    changes = {f: Change(row[f], row[f] if same else values[f]) for f in fields}
    return [Item(name, record_id, Operation.UPDATE, changes, row["_stamp"])] if changes else []


def feed(random: Random, world: World) -> None:
    """A device asks for its feed, when it has synced once."""
    device = _device(random, world)
    if device.phone.cursor:
        device.take_answer(device.phone.feed())


def sync(random: Random, world: World) -> None:
    """A device syncs; now and then a second time, which brings nothing."""
    device = _device(random, world)
    device.sync()
    if random.random() < 0.2:
        device.sync()


def sync_all(random: Random, world: World) -> None:
    """Every device syncs, but perhaps one that stays offline."""
    away = random.choice([*world.devices, None])
    for device in world.devices:
        if device is not away:
            device.sync()


STEPS: dict[str, tuple[int, Callable[[Random, World], None]]] = {
    "make": (9, make),
    "edit": (32, edit),
    "remove": (4, remove),
    "assign": (4, assign),
    "slowly": (5, slowly),
    "purge": (1, purge),
    "territory": (2, territory),
    "pick": (1, pick),
    "person": (1, person),
    "permit": (2, permit),
    "rule": (4, rule),
    "pass_time": (3, pass_time),
    "deploy": (1, deploy),
    "upload": (9, upload),
    "feed": (4, feed),
    "sync": (20, sync),
    "sync_all": (2, sync_all),
}
"""Name to how often it happens, and what it does."""
