"""A year of invented sales, as the file that a data supplier would send each month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from fieldsync.base.ids import RecordId
from fieldsync.base.world import SeededChance

MONTHS = 12
PRODUCTS = 2
PRICE = 24
HEADINGS = "Account.External_Id,ProductId,Period,Units,Net_Sales,Currency_Code,Market_Units,Market_Share"


def external_id(number: int) -> str:
    """How the supplier knows the account with this number."""
    return f"D-{number:06d}"


def sales_file(chance: SeededChance, today: date, products: Sequence[RecordId], accounts: int) -> Iterator[str]:
    """The lines of the file: each account, a few products, the months before this one. Sales drift up or down."""
    yield HEADINGS
    months = _months_before(today)
    for number in range(accounts):
        for product in products[:PRODUCTS]:
            market = 60 + chance.below(90)
            units, drift = market * (20 + chance.below(35)) // 100, chance.below(3) - 1
            for month in months:
                units = min(market, max(0, units + drift + chance.below(7) - 3))
                share = f"{100 * units / market:.2f}"
                yield f"{external_id(number)},{product},{month},{units},{units * PRICE},GBP,{market},{share}"


def _months_before(today: date) -> list[str]:
    last = today.year * 12 + today.month - 2
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(last - MONTHS + 1, last + 1)]
