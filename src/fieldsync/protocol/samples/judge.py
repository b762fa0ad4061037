"""Whether the samples of a call may be left: licence, lots, signature, what a product allows at once, limits in a time.
Pure.

The device asks before a save, with the calls it holds; the server decides when the call is submitted, with all there
are. Only submitted calls count. A month, quarter or year is that of the call's day in UTC, so that both mean the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

LIMIT, LOT, SAMPLE, CALL, SUBMITTED = "Sample_Limit", "Sample_Lot", "Call_Sample", "Call", "Submitted"
Values = Mapping[str, object]


class Why(StrEnum):
    """Why not. The sentences take `product`, `lot`, `most`, `per` and `left`."""

    NOT_ELIGIBLE = "This account gets no samples."
    LICENSE_OVER = "The licence of this account is over: no samples."
    AT_ONCE = "Of %(product)s at most %(most)s may be left at once."
    NO_LOT = "Choose the lot that %(product)s is from."
    NONE_HELD = "%(product)s is left from a lot only, and you have no lot of it."
    OTHER_LOT = "Lot %(lot)s is of another product."
    LOT_OVER = "Lot %(lot)s has expired."
    LOT_EMPTY = "Lot %(lot)s: %(left)s left."
    OVER_LIMIT = "Of %(product)s this account gets at most %(most)s %(per)s: %(left)s left."
    UNSIGNED = "%(product)s is left against a signature only: have the call signed."


FIELDS = {
    **dict.fromkeys((Why.NO_LOT, Why.NONE_HELD, Why.OTHER_LOT, Why.LOT_OVER), "Sample_LotId"),
    Why.UNSIGNED: "Signature",
}
"""At which field it is said; else at the quantity."""


class Per(StrEnum):
    """The time in which a limit holds: the value of its picklist, and how it is said."""

    CALL = "Call"
    MONTH = "Month"
    QUARTER = "Quarter"
    YEAR = "Year"

    @property
    def said(self) -> str:
        return "a visit" if self is Per.CALL else f"a {self.value.lower()}"


@dataclass(frozen=True)
class Line:
    """A line of the call: `key` is its row, in whatever way the caller names it. `number`: that of a lot, as another
    system told it."""

    key: str
    product: str
    quantity: int
    lot: str = ""
    number: str = ""


@dataclass(frozen=True)
class Given:
    """A product that is left: its name, the most of it at once, and whether it wants a lot and a signature."""

    name: str
    most: int | None = None
    lot: bool = False
    signature: bool = False


@dataclass(frozen=True)
class Lot:
    """One `Sample_Lot` of the person: what it is of, and how many of it other submitted calls have not left yet."""

    name: str
    product: str
    left: int
    expires: date | None = None


@dataclass(frozen=True)
class Limit:
    """One `Sample_Limit`; without an account it holds for each."""

    product: str
    most: int
    per: Per
    account: str = ""
    first: date | None = None
    last: date | None = None

    def holds(self, account: str, day: date) -> bool:
        """Whether it holds for this account on this day."""
        within = (self.first is None or self.first <= day) and (self.last is None or day <= self.last)
        return within and self.account in ("", account)


@dataclass(frozen=True)
class Left:
    """Samples of a product that were left with the account by another call, which is submitted."""

    product: str
    quantity: int
    day: date


@dataclass(frozen=True)
class Facts:
    """What is known of the account, of the products by id, and of what was left before."""

    account_id: str
    account: Values
    products: Mapping[str, Given]
    limits: tuple[Limit, ...] = ()
    before: tuple[Left, ...] = ()
    lots: Mapping[str, Lot] = field(default_factory=dict)
    """The person's lots by id. Of a product that he has lots of, samples come from one of them."""
    signed: bool = True
    """Whether the call is signed."""


@dataclass(frozen=True)
class Over:
    """A line that may not be, and why; of no line where it is the call itself."""

    key: str
    why: Why
    product: str = ""
    most: int = 0
    per: Per = Per.CALL
    left: int = 0
    lot: str = ""

    def said(self, template: str = "", per: str = "") -> str:
        """The sentence, or a translation of it."""
        told = {
            "product": self.product,
            "lot": self.lot,
            "most": self.most,
            "per": per or self.per.said,
            "left": self.left,
        }
        return (template or self.why.value) % told


def given_of(product: Values) -> Given:
    """What the record of a product asks."""
    most = product.get("Sample_Quantity_Max")
    wants = (product.get(name) is True for name in ("Requires_Lot", "Requires_Signature"))
    return Given(str(product.get("Name") or ""), None if most is None else int(str(most)), *wants)


def day_of(moment: object) -> date:
    """The day of a call in UTC."""
    return datetime.fromisoformat(str(moment)).astimezone(UTC).date()


def begins(per: Per, day: date) -> date:
    """The first day of the time that this day is in."""
    if per is Per.YEAR:
        return day.replace(month=1, day=1)
    if per is Per.QUARTER:
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(day=1) if per is Per.MONTH else day


def over(lines: Iterable[Line], day: date, facts: Facts) -> list[Over]:
    """The lines that may not be, each once; those above it on the call count before it. Then what the call lacks."""
    told: list[Over] = []
    here: Counter[str] = Counter()
    lines = list(lines)
    for line in lines:
        found = _of_line(line, day, facts, here[line.product]) or _of_lot(line, day, facts, here[line.lot])
        here.update({line.product: line.quantity, line.lot: line.quantity})
        if found is not None:
            told.append(found)
    wants = next((given.name for given in (_given(line, facts) for line in lines) if given.signature), None)
    return told if facts.signed or wants is None else [*told, Over("", Why.UNSIGNED, wants)]


def _given(line: Line, facts: Facts) -> Given:
    return facts.products.get(line.product) or Given(line.product)


def _of_line(line: Line, day: date, facts: Facts, above: int) -> Over | None:
    name, at_once = _given(line, facts).name, _given(line, facts).most
    expires = str(facts.account.get("License_Expiration") or "")
    if facts.account.get("Sample_Eligible") is False:
        return Over(line.key, Why.NOT_ELIGIBLE)
    if facts.account.get("License_Status") == "Expired" or (expires and expires < day.isoformat()):
        return Over(line.key, Why.LICENSE_OVER)
    if at_once is not None and above + line.quantity > at_once:
        return Over(line.key, Why.AT_ONCE, name, at_once)
    wrong = []
    for limit in facts.limits:
        if limit.product == line.product and limit.holds(facts.account_id, day):
            left = limit.most - above - _used(limit, day, facts)
            if line.quantity > left:
                wrong.append(Over(line.key, Why.OVER_LIMIT, name, limit.most, limit.per, max(left, 0)))
    return min(wrong, key=lambda one: one.left, default=None)


def _of_lot(line: Line, day: date, facts: Facts, above: int) -> Over | None:
    given, lot = _given(line, facts), facts.lots.get(line.lot)
    name = given.name
    if lot is None:
        if any(one.product == line.product for one in facts.lots.values()):
            return Over(line.key, Why.NO_LOT, name)
        return Over(line.key, Why.NONE_HELD, name) if given.lot and not line.number else None
    if lot.product != line.product:
        return Over(line.key, Why.OTHER_LOT, name, lot=lot.name)
    if lot.expires is not None and lot.expires < day:
        return Over(line.key, Why.LOT_OVER, name, lot=lot.name)
    left = lot.left - above
    return Over(line.key, Why.LOT_EMPTY, name, left=max(left, 0), lot=lot.name) if line.quantity > left else None


def remaining(day: date, facts: Facts) -> list[tuple[str, Limit, int]]:
    """How many are left of each product with a limit, before this call: product's name, the limit, how many."""
    return [
        (facts.products[limit.product].name, limit, max(limit.most - _used(limit, day, facts), 0))
        for limit in facts.limits
        if limit.product in facts.products and limit.holds(facts.account_id, day) and limit.per is not Per.CALL
    ]


def _used(limit: Limit, day: date, facts: Facts) -> int:
    if limit.per is Per.CALL:
        return 0
    first = begins(limit.per, day)
    same = (one for one in facts.before if one.product == limit.product and begins(limit.per, one.day) == first)
    return sum(one.quantity for one in same)
