"""Whole conditions: comparisons, semi-joins and `{OBJECT.IDS}`, put together with AND, OR and NOT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.server.scope.proof.conditions import PATHS, Cond, Row, Sight, between, day, low, of_shop, up

Maker = Callable[[Random], Cond]

BY_TERRITORY = Cond("TerritoryId IN ({USER.TERRITORY_IDS})", lambda s, r: r["TerritoryId"] in s.token("TERRITORY_IDS"))
SHARED: dict[str, Cond] = {
    "by territory": BY_TERRITORY,
    "by links": Cond(
        "Id IN (SELECT ShopId FROM Link WHERE TerritoryId IN @@TERRITORY_TREE_IDS@@ AND Note != 'off')",
        lambda s, r: any(
            k["ShopId"] == r["Id"] and k["TerritoryId"] in s.token("TERRITORY_TREE_IDS") and low(k["Note"]) != "off"
            for k in present(s, "Link")
        ),
    ),
    "by flag": Cond("Flag = true OR Parent.Flag = true", lambda s, r: r["Flag"] or parent_flag(s, r)),
    "by shop": Cond(
        "Shop.TerritoryId IN ({USER.TERRITORY_IDS})",
        lambda s, r: (up(s, r, ("ShopId", "Shop")) or {}).get("TerritoryId") in s.token("TERRITORY_IDS"),
    ),
    "by day": Cond("Day >= TODAY", lambda s, r: between(day(r["Day"]), s.today, 0, 9_999)),
}
"""Sharing conditions by name."""


def parent_flag(sight: Sight, row: Row) -> bool:
    """Whether the shop above is flagged."""
    above = up(sight, row, ("ParentId", "Shop"))
    return above is not None and bool(above["Flag"])


def present(sight: Sight, name: str) -> list[Row]:
    """Rows that are not in the recycle bin."""
    return [row for row in sight.rows[name].values() if not row["IsDeleted"]]


@dataclass(frozen=True)
class Semi:
    """One kind of semi-join: `left` of a row among the `column` of rows of `name`."""

    left: str
    name: str
    column: str


SEMI: dict[str, tuple[Semi, ...]] = {
    "Shop": (Semi("Id", "Link", "ShopId"), Semi("ParentId", "Shop", "Id"), Semi("Id", "Visit", "ShopId")),
    "Link": (Semi("ShopId", "Shop", "Id"), Semi("TerritoryId", "User_Territory", "TerritoryId")),
    "Visit": (Semi("Id", "Visit_Line", "VisitId"), Semi("ShopId", "Link", "ShopId"), Semi("ShopId", "Shop", "Id")),
    "Visit_Line": (Semi("VisitId", "Visit", "Id"), Semi("ProductId", "Product", "Id")),
    "Product": (Semi("Id", "Visit_Line", "ProductId"),),
}
IDS: dict[str, tuple[tuple[str, str], ...]] = {
    "Link": (("ShopId", "Shop"),),
    "Visit": (("ShopId", "Shop"),),
    "Visit_Line": (("VisitId", "Visit"), ("ProductId", "Product")),
}
"""Object to (reference, object) that `{OBJECT.IDS}` can be asked of; never in a circle."""


def condition(random: Random, name: str, depth: int = 2) -> Cond:
    """A random condition on rows of an object."""
    if depth > 0 and random.random() < 0.45:
        first, second = condition(random, name, depth - 1), condition(random, name, depth - 1)
        kind = random.choice(["AND", "OR", "NOT"])
        if kind == "NOT":
            return Cond(f"(NOT ({first.text}))", lambda s, r: not first.holds(s, r))
        if kind == "AND":
            return Cond(f"({first.text} AND {second.text})", lambda s, r: first.holds(s, r) and second.holds(s, r))
        return Cond(f"({first.text} OR {second.text})", lambda s, r: first.holds(s, r) or second.holds(s, r))
    draw = random.random()
    if draw < 0.2 and name in IDS:
        return _ids(random, name)
    if draw < 0.5 and name in SEMI:
        return _semi(random, name, 2)
    return _plain(random, name)


def _ids(random: Random, name: str) -> Cond:
    reference, target = random.choice(IDS[name])
    text = f"{reference} IN ({{{target.upper()}.IDS}})"
    if random.random() < 0.25:
        text = text.replace(" IN ", " NOT IN ")
        return Cond(text, lambda s, r: r[reference] is None or r[reference] not in s.selected(target))
    return Cond(text, lambda s, r: r[reference] is not None and r[reference] in s.selected(target))


def _semi(random: Random, name: str, levels: int) -> Cond:
    kind = random.choice(SEMI[name])
    deeper = levels > 1 and kind.name in SEMI and random.random() < 0.4
    inner = _semi(random, kind.name, levels - 1) if deeper else _plain(random, kind.name)
    negated = random.random() < 0.3
    word = "NOT IN" if negated else "IN"

    def holds(sight: Sight, row: Row) -> bool:
        found = {r[kind.column] for r in present(sight, kind.name) if inner.holds(sight, r)}
        inside = row[kind.left] is not None and row[kind.left] in found
        return inside is not negated

    return Cond(f"{kind.left} {word} (SELECT {kind.column} FROM {kind.name} WHERE {inner.text})", holds)


def _plain(random: Random, name: str) -> Cond:
    own = OWN.get(name, ())
    if name in PATHS and (not own or random.random() < 0.6):
        return of_shop(random, name)
    return random.choice(own)(random)


def _owner(_: Random) -> Cond:
    return Cond("OwnerId = {USER.ID}", lambda s, r: r["OwnerId"] in s.token("USER_ID"))


def _note(random: Random) -> Cond:
    word = random.choice(["on", "off"])
    return random.choice(
        [
            Cond(f"Note = '{word.upper()}'", lambda s, r: low(r["Note"]) == word),
            Cond(f"Note != '{word}'", lambda s, r: low(r["Note"]) != word),
        ]
    )


def _territory(_: Random) -> Cond:
    return Cond("TerritoryId IN (@@TERRITORY_IDS@@)", lambda s, r: r["TerritoryId"] in s.token("TERRITORY_IDS"))


def _territory_name(_: Random) -> Cond:
    def holds(sight: Sight, row: Row) -> bool:
        above = up(sight, row, ("TerritoryId", "Territory"))
        return low((above or {}).get("Name")) in [low(name) for name in sight.token("TERRITORY_NAMES")]

    return Cond("Territory.Name IN ({TERRITORY.NAMES})", holds)


def _day(random: Random) -> Cond:
    n = random.randrange(1, 4)
    return random.choice(
        [
            Cond("Day = TODAY", lambda s, r: day(r["Day"]) == s.today),
            Cond(f"Day = LAST_N_DAYS:{n}", lambda s, r: between(day(r["Day"]), s.today, -n, 0)),
            Cond("Day != TOMORROW", lambda s, r: not between(day(r["Day"]), s.today, 1, 1)),
        ]
    )


def _place(random: Random) -> Cond:
    """A formula field that reads two shops; one that reads another formula field."""
    city = random.choice(["graz", "lyon", "oslo"])
    return random.choice(
        [
            Cond(f"Place LIKE '{city}:%'", lambda s, r: (low(r["Place"]) or "").startswith(city + ":")),
            Cond(f"Place LIKE '%:{city}'", lambda s, r: (low(r["Place"]) or "").endswith(":" + city)),
            Cond(f"Title LIKE '%{city}'", lambda s, r: (low(r["Title"]) or "").endswith(city)),
        ]
    )


def _amount(random: Random) -> Cond:
    n = random.randrange(1, 6)
    return random.choice(
        [
            Cond(f"Amount >= {n}", lambda s, r: r["Amount"] is not None and r["Amount"] >= n),
            Cond("Worth > 20", lambda s, r: r["Worth"] is not None and r["Worth"] > 20),
        ]
    )


def _kind(_: Random) -> Cond:
    return Cond("Kind = 'pill'", lambda s, r: low(r["Kind"]) == "pill")


def _product_kind(_: Random) -> Cond:
    return Cond(
        "Product.Kind = 'Pill'", lambda s, r: low((up(s, r, ("ProductId", "Product")) or {}).get("Kind")) == "pill"
    )


def _mine(_: Random) -> Cond:
    return Cond(
        "(UserId = @@USER_ID@@ AND Active = true)", lambda s, r: r["UserId"] in s.token("USER_ID") and bool(r["Active"])
    )


OWN: dict[str, tuple[Maker, ...]] = {
    "Link": (_note, _territory, _territory_name),
    "Product": (_kind,),
    "Shop": (_territory_name,),
    "User_Territory": (_mine,),
    "Visit": (_owner, _day, _place),
    "Visit_Line": (_amount, _note, _product_kind),
}
"""Comparisons of an object's own fields."""
