"""Random sync rules, made, edited, switched off and on."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.server.scope.proof.pack import OBJECTS
from tests.server.scope.proof.selections import condition
from tests.server.scope.proof.values import Values
from tests.server.scope.proof.world import World

from fieldsync.schema.sync_rule import RuleType, SyncRule, record_of


def a_rule(random: Random, world: World) -> SyncRule:
    """A random rule; rules never lead in a circle: what brings shops along asks for no shops."""
    name = random.choice(["Shop", "Shop", *OBJECTS])
    kinds = [RuleType.TOP_LEVEL] * 6 + [RuleType.FULL, RuleType.METADATA_ONLY]
    kinds += [RuleType.RELATED] * 3 if name in ("Link", "Visit", "Visit_Line") else []
    kinds += [RuleType.CHILD_AND_PARENT] * 2 if name in ("Link", "Visit") else []
    kind = random.choice(kinds)
    cond = condition(random, name)
    brings = kind is RuleType.CHILD_AND_PARENT
    where = None if kind is RuleType.FULL or (random.random() < 0.1) else cond.text
    if where is not None:
        world.meanings[where] = cond
    reference = {"Link": ("Shop", "ShopId"), "Visit": ("Shop", "ShopId"), "Visit_Line": ("Visit", "VisitId")}.get(name)
    related = reference if kind is RuleType.RELATED else (None, "ShopId") if brings else (None, None)
    assert related is not None
    whose: Values = random.choice([{}, {}, {}, {"profile": "Rep"}, {"application_profile": "Special"}])
    fields = ["City", "Score", "Label"] if name == "Shop" else ["Notes"] if name == "Visit" else ["Note"]
    lists: Values = random.choice(
        [{}, {}, {}, {}, {"include_fields": tuple(fields)}, {"exclude_fields": tuple(fields[:1])}]
    )
    return SyncRule(
        object=name,
        device=random.choice(["all", "all", "iPad", "iPhone"]),
        type=kind,
        where=where,
        parent_object=related[0],
        relationship_field=related[1],
        include_related=name == "Shop" and random.random() < 0.2,
        **whose,
        **(lists if name != "Product" and where and "Label" not in where else {}),
    )


def rule(random: Random, world: World) -> None:
    """A rule is made in place of the one of the same key, edited, or switched off or on."""
    there = [r for r in world.alive("Sync_Rule") if r["Object_Name"] in OBJECTS]
    if len(there) > 4 and random.random() < 0.4:
        old = random.choice(there)
        world.change("Sync_Rule", old["Id"], Active=not old["Active"])
        return
    made = a_rule(random, world)
    values = record_of(made)
    same = [r for r in there if all(r[c] == values[c] for c in KEY)]
    if _leads_round(world, values, same):
        return
    if same:
        world.change("Sync_Rule", same[0]["Id"], **{k: v for k, v in values.items() if same[0][k] != v})
    else:
        given = {k: v for k, v in values.items() if v is not None}
        world.make("Sync_Rule", **given)


KEY = ("Object_Name", "Device_Type", "Profile_Name", "Application_Profile", "Parent_Object")


def _leads_round(world: World, values: Values, same: list[Any]) -> bool:
    """Whether shops would be brought along by rows that ask for the shops."""
    others = [r for r in world.alive("Sync_Rule") if r not in same]
    rules = [*others, values]
    brings = {r["Object_Name"] for r in rules if r["Type"] == "child_and_parent"}
    asks = {
        r["Object_Name"] for r in rules if "{SHOP.IDS}" in (r["Where_Clause"] or "") or r["Parent_Object"] == "Shop"
    }
    return bool(brings & asks)
