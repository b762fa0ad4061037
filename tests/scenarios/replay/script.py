"""A day's work drawn from a seed: the same steps on every device that follows it, whatever happens to its requests.

Records are known by names of the script (`Shop 3`), so that days of different devices can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from tests.scenarios.replay.shops import REFUSED_CITY

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.base.world import SeededChance
from fieldsync.device import Device

SAVES, SAVES_A_ROUND = 22, 4
LINES_OF_A_LONG_VISIT = 13
"""More than travel in one part."""


@dataclass
class Day:
    """Follows the script of a seed. `upload` is called when the script says that the network is there."""

    device: Device
    seed: int
    upload: Callable[[], None]
    ids: dict[str, RecordId] = field(default_factory=dict)
    """Every record of the day, and those it began with, by its name in the script."""
    saves: int = SAVES
    per_round: int = SAVES_A_ROUND
    made: dict[str, int] = field(default_factory=dict)
    sign: str = ""
    """Tells the records of this day from those of another."""

    def work(self) -> None:
        """All of it; what the day ends with is uploaded."""
        self._chance = SeededChance(self.seed)
        acts = (
            (self._new_shop, 3),
            (self._change_shop, 4),
            (self._new_visit, 2),
            (self._change_visit, 3),
            (self._sell, 3),
            (self._change_sale, 2),
            (self._delete, 2),
            (self._refused_shop, 2),
        )
        drawn = [act for act, weight in acts for _ in range(weight)]
        for number in range(1, self.saves + 1):
            drawn[self._chance.below(len(drawn))]()
            if number % self.per_round == 0:
                self.upload()
        self.upload()

    def _new(self, object_name: str) -> str:
        self.made[object_name] = self.made.get(object_name, 0) + 1
        return f"{object_name} {self.sign}{self.made[object_name]}"

    def _some(self, object_name: str) -> str | None:
        """A record of the script that stands on the device; drawn whether or not there is one."""
        names = [n for n in sorted(self.ids) if n.startswith(f"{object_name} ") and self._stands(object_name, n)]
        place = self._chance.below(1_000)
        return names[place % len(names)] if names else None

    def _stands(self, object_name: str, name: str) -> bool:
        return self.device.get(object_name, self.ids[name]) is not None

    def _text(self) -> str:
        return f"text {self._chance.below(100_000)}"

    def _new_shop(self, city: str | None = None) -> None:
        name, region = self._new("Shop"), self._some("Region")
        with self.device.edit() as edit:
            values = {"Name": name, "City": city or self._text(), "RegionId": self.ids[region] if region else None}
            self.ids[name] = edit.create("Shop", values)

    def _refused_shop(self) -> None:
        self._new_shop(REFUSED_CITY)

    def _change_shop(self) -> None:
        shop, column, value = self._some("Shop"), ("City", "Phone")[self._chance.below(2)], self._text()
        if shop is not None:
            with self.device.edit() as edit:
                edit.update("Shop", self.ids[shop], {column: value if value[-1] != "0" else None})

    def _new_visit(self) -> None:
        shop, lines = self._some("Shop"), (1, 3, LINES_OF_A_LONG_VISIT)[self._chance.below(3)]
        if shop is None:
            return
        with self.device.edit() as edit:
            visit = self.ids[self._new("Visit")] = edit.create("Visit", {"ShopId": self.ids[shop]})
            for _ in range(lines):
                line = edit.create("Visit_Line", {"VisitId": visit, "Product": self._text()})
                self.ids[self._new("Visit_Line")] = line

    def _change_visit(self) -> None:
        visit, line, note = self._some("Visit"), self._some("Visit_Line"), self._text()
        if visit is None:
            return
        with self.device.edit() as edit:
            edit.update("Visit", self.ids[visit], {"Notes": note})
            if line is not None and self.device.get("Visit_Line", self.ids[line]).values["VisitId"] == self.ids[visit]:  # type: ignore[union-attr]
                edit.delete("Visit_Line", self.ids[line])
            self.ids[self._new("Visit_Line")] = edit.create(
                "Visit_Line", {"VisitId": self.ids[visit], "Product": note[:20]}
            )

    def _sell(self) -> None:
        region, amount = self._some("Region"), Decimal(self._chance.below(100_000)) / 4
        name = self._new("Sale")
        with self.device.edit() as edit:
            self.ids[name] = edit.create("Sale", {"Name": name, "RegionId": self.ids[region or ""], "Amount": amount})

    def _change_sale(self) -> None:
        sale, amount = self._some("Sale"), Decimal(self._chance.below(100_000)) / 4
        if sale is not None:
            with self.device.edit() as edit:
                edit.update("Sale", self.ids[sale], {"Amount": amount})

    def _delete(self) -> None:
        object_name = ("Sale", "Visit", "Shop")[self._chance.below(3)]
        name = self._some(object_name)
        if name is not None:
            with self.device.edit() as edit:
                edit.delete(object_name, self.ids[name])


def drain(device: Device) -> None:
    """Send until everything that can be decided is; the network is tried again at once, however often it fails."""
    for _ in range(200):
        if not device.queue():
            return
        device.go_online()
        with suppress(Refused):
            device.step()
    raise AssertionError(f"the queue never emptied: {device.queue()}")
