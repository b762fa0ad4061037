"""What an account bought: the sales data on this device, put together for the account page (FEATURES A38)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Record
from fieldsync.web.kit.chart import Chart, Point, chart_of
from fieldsync.web.kit.tongue import _, present

OBJECT = "Sales_Data"
MONTHS = 12
ROWS_LOOKED_AT_MAX = 1_000


@dataclass(frozen=True)
class Month:
    """One cell of the table."""

    name: str
    units: str
    net_sales: str
    share: str


@dataclass(frozen=True)
class ProductSales:
    """A product's last twelve months, newest last."""

    name: str
    total: str
    share: str
    """Of the newest month."""
    months: tuple[Month, ...]
    chart: Chart


def sales_of(device: Device, account: RecordId) -> list[ProductSales]:
    """Products with sales at this account in the twelve months to the newest one known, by name."""
    if OBJECT not in device.catalog:
        return []
    rows = device.find(
        OBJECT, where={"AccountId": account}, order_by="Period", descending=True, limit=ROWS_LOOKED_AT_MAX
    )
    if not rows:
        return []
    months = _months_to(date.fromisoformat(str(rows[0].values["Period"])))
    products: dict[str, dict[str, Record]] = {}
    for row in rows:
        if str(row.values["Period"]) >= months[0].isoformat():
            products.setdefault(str(row.values["ProductId"]), {})[str(row.values["Period"])] = row
    highest = max(_number(row, "Units") or Decimal(0) for found in products.values() for row in found.values())
    told = [_product(device, product, found, months, highest) for product, found in products.items()]
    return sorted(told, key=lambda one: one.name)


def _months_to(newest: date) -> list[date]:
    last = newest.year * 12 + newest.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(last - MONTHS + 1, last + 1)]


def _product(
    device: Device, product: str, found: dict[str, Record], months: list[date], highest: Decimal
) -> ProductSales:
    rows = [found.get(month.isoformat()) for month in months]
    units, manner = [_number(row, "Units") for row in rows], present().manner
    points = [
        Point(manner.initial(month), f"{manner.month(month)}: {_units(n)}", n)
        for month, n in zip(months, units, strict=True)
    ]
    cells = tuple(_month(month, row) for month, row in zip(months, rows, strict=True) if row is not None)
    return ProductSales(
        name=device.name_of("Product", RecordId(product)) or _("A product"),
        total=manner.number(sum((n for n in units if n is not None), Decimal(0))),
        share=cells[-1].share,
        months=cells,
        chart=chart_of(points, highest),
    )


def _month(month: date, row: Record) -> Month:
    share, manner = _number(row, "Market_Share"), present().manner
    return Month(
        name=manner.month(month),
        units=_written(_number(row, "Units")),
        net_sales=f"{_written(_number(row, 'Net_Sales'))} {row.values['Currency_Code'] or ''}".strip(),
        share="" if share is None else f"{manner.number(share)} %",
    )


def _number(row: Record | None, column: str) -> Decimal | None:
    value = row.values.get(column) if row is not None else None
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _written(value: Decimal | None) -> str:
    return "" if value is None else present().manner.number(value)


def _units(value: Decimal | None) -> str:
    return _("nothing known") if value is None else _("{n} units").format(n=_written(value))
