"""What happens online while devices are away: people at desks, programs, alignment, rules, the data model, merges."""

from __future__ import annotations

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.server.merge.merge import Merging, merge
from fieldsync.sim.actions.acting import new_mark
from fieldsync.sim.actions.saving import FIELDS
from fieldsync.sim.device import SimDevice, Wrote
from fieldsync.sim.ground import HOT
from fieldsync.sim.world import SimWorld

RULES = {
    "Account": ("", " AND Status != 'Inactive'"),
    "Call": ("", " AND Status != 'Planned'"),
}
"""What rules may be narrowed by."""


def online_edit(world: SimWorld, device: SimDevice) -> None:
    """A colleague at a desk changes what people in the field change too."""
    account = world.accounts[world.chance.below(HOT)]
    field, mark = FIELDS[world.chance.below(len(FIELDS))], new_mark(world, device)
    before = world.rows("Account").get(account, {}).get(field)
    outcome = world.server.update(world.server.admin, "Account", account, {field: mark})
    world.wrote.setdefault(("Account", account, field), []).append(Wrote(-1, before, mark))
    world.trace.add("online-edit", type(outcome).__name__)


def online_call(world: SimWorld, device: SimDevice) -> None:
    """Somebody in the office changes, submits, unlocks, deletes or undeletes a call."""
    calls = sorted(world.rows("Call"))
    if not calls:
        return
    call = calls[world.chance.below(len(calls))]
    drawn, server = world.chance.below(6), world.server
    if drawn < 2:
        outcome = server.update(server.admin, "Call", call, {"Notes": new_mark(world, device)})
    elif drawn == 2:
        outcome = server.update(server.admin, "Call", call, {"Status": "Submitted"})
    elif drawn == 3:
        outcome = server.update(server.admin, "Call", call, {"Unlocked": True})
    else:
        world.families.pop(call, None)
        outcome = server.delete(server.admin, "Call", call)
    world.trace.add("online-call", drawn, type(outcome).__name__)


def online_account(world: SimWorld, device: SimDevice) -> None:
    """A new account, an account that becomes inactive or active, or one that nobody needs is deleted."""
    drawn, server = world.chance.below(4), world.server
    account = world.accounts[HOT + world.chance.below(len(world.accounts) - HOT)]
    if drawn == 0:
        new = server.create(server.admin, "Account", {"Name": new_mark(world, device)})
        territory = ("north", "south")[world.chance.below(2)]
        _assign(world, new, world.ground.territories[territory])
        world.accounts.append(new)
        world.trace.add("online-account", len(world.accounts))
        return
    if drawn == 3:
        outcome = server.delete(server.admin, "Account", account)
    else:
        outcome = server.update(server.admin, "Account", account, {"Status": ("Active", "Inactive")[drawn - 1]})
    world.trace.add("online-account", drawn, type(outcome).__name__)


def _assign(world: SimWorld, account: RecordId, territory: RecordId) -> None:
    server = world.server
    server.create(server.admin, "Territory_Account", {"AccountId": account, "TerritoryId": territory})


def align(world: SimWorld, device: SimDevice) -> None:
    """An account changes its territory, or is to be had offline or not; rarely a person changes his."""
    server, drawn = world.server, world.chance.below(8)
    places = [world.ground.territories[name] for name in ("north", "south")]
    if drawn == 7:
        rows = world.rows("User_Territory")
        chosen = sorted(rows)[world.chance.below(len(rows))]
        outcome = server.update(server.admin, "User_Territory", chosen, {"Active": not rows[chosen]["Active"]})
        world.trace.add("align-person", type(outcome).__name__)
        return
    rows = {i: row for i, row in world.rows("Territory_Account").items() if row["TerritoryId"] in places}
    if not rows:
        return
    chosen = sorted(rows)[world.chance.below(len(rows))]
    row = rows[chosen]
    if drawn < 3:
        other = places[1 - places.index(row["TerritoryId"])]
        outcome = server.update(server.admin, "Territory_Account", chosen, {"TerritoryId": other})
    elif drawn < 5:
        outcome = server.update(server.admin, "Territory_Account", chosen, {"Active": not row["Active"]})
    elif drawn == 5:
        values = {"Available_Offline": not row["Available_Offline"]}
        outcome = server.update(server.admin, "Territory_Account", chosen, values)
    else:
        _assign(world, row["AccountId"], places[1 - places.index(row["TerritoryId"])])
        world.trace.add("align", drawn)
        return
    world.trace.add("align", drawn, type(outcome).__name__)


def change_rule(world: SimWorld, device: SimDevice) -> None:
    """A sync rule becomes narrower, or as it was."""
    name = sorted(RULES)[world.chance.below(len(RULES))]
    narrower = RULES[name][1]
    changed = 0
    for rule_id, row in sorted(world.rows("Sync_Rule").items()):
        if row["Object_Name"] == name:
            where = row["Where_Clause"]
            wanted = where.removesuffix(narrower)
            if wanted == where:
                wanted = f"({where}){narrower}"
            elif wanted.startswith("(") and wanted.endswith(")"):
                wanted = wanted[1:-1]
            outcome = world.server.update(world.server.admin, "Sync_Rule", rule_id, {"Where_Clause": wanted})
            changed += type(outcome).__name__ == "Saved"
    world.trace.add("rule", name, changed)


def change_model(world: SimWorld, device: SimDevice) -> None:
    """A field is added, or one that was goes, while queues are full."""
    fields = world.server.extra_fields
    drop = bool(fields) and world.chance.below(3) == 0
    wanted = fields[:-1] if drop else [*fields, f"Extra_{world.did['change_model']}__c"]
    world.server.deploy(wanted)
    world.trace.add("model", len(wanted))


def merge_accounts(world: SimWorld, device: SimDevice) -> None:
    """Two accounts become one, whatever devices still say of the loser: mostly one that somebody's queue names."""
    rest = [account for account in world.accounts[HOT:] if account in world.rows("Account")]
    if len(rest) < 4:
        return
    said = {str(x.new) for items in device.said().values() for item in items for x in item.changes.values()}
    some = [account for account in rest if account in said] if world.chance.below(3) else []
    loser = (some or rest)[world.chance.below(len(some or rest))]
    winner = [account for account in rest if account != loser][world.chance.below(len(rest) - 1)]
    org = world.server.org
    try:
        world.query("SELECT 1")
        world.server.run(merge(org, Merging("Account", loser, winner)))
    except Refused as refused:
        world.trace.add("merge-refused", refused.problem.code)
        return
    world.merged[loser] = winner
    world.accounts.remove(loser)
    world.trace.add("merge", len(world.accounts))
