"""What rules and defaults may read beside the record: related rows, the clock, who saves, and the org's settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldsync.formula import Surroundings
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.catalog.compiled import Way, reference_named
from fieldsync.formula.record import Stored
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Row, Wave, decode_row


@dataclass
class RowStore:
    """Rows by id: as this wave leaves them, as they were locked, or as they were read. Called as `Rows`."""

    wave: Wave
    read: dict[str, Row | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._news: dict[str, Row] = {edit.item.id: edit.new for edit in self.wave.edits if edit.new is not None}

    def __call__(self, object_name: str, record_id: str) -> Row | None:
        return self._news.get(record_id) or self.wave.facts.rows.get(record_id) or self.read.get(record_id)

    def lacks(self, record_id: object) -> bool:
        """Whether nobody has looked for this row yet."""
        known = record_id in self._news or record_id in self.wave.facts.rows or record_id in self.read
        return isinstance(record_id, str) and not known


async def fetch_related(org: Org, database: Database, store: RowStore, edits: Iterable[Edit]) -> None:
    """Read every related row that the rules and defaults of these records may ask for, a query for each way."""
    by_object: dict[str, list[Row]] = {}
    for edit in edits:
        if edit.new is not None and org.logic.formulas[edit.item.object].save_ways:
            by_object.setdefault(edit.item.object, []).append(edit.new)
    for name, rows in by_object.items():
        places: dict[Way, list[Row]] = {(): rows}
        for way in sorted(org.logic.formulas[name].save_ways, key=len):
            places[way] = await _step(org, database, store, org.logic.formulas, name, way, places[way[:-1]])


async def _step(
    org: Org, database: Database, store: RowStore, formulas: CatalogFormulas, name: str, way: Way, rows: list[Row]
) -> list[Row]:
    """The rows at the end of a way, from those one relationship before."""
    current = formulas.catalog[name]
    for relationship in way[:-1]:
        reference = reference_named(current, relationship)
        assert reference is not None
        assert reference.references is not None
        current = formulas.catalog[reference.references]
    reference = reference_named(current, way[-1])
    assert reference is not None
    assert reference.references is not None
    target, column = reference.references, reference.name
    missing = sorted({row[column] for row in rows if store.lacks(row.get(column))})
    if missing:
        store.read.update(dict.fromkeys(missing))
        for (text,) in await database.rows(org.save.read(target), ids=missing):
            row = decode_row(text)
            store.read[row["Id"]] = row
    found = (store(target, row[column]) for row in rows if isinstance(row.get(column), str))
    return [row for row in found if row is not None]


async def surroundings(org: Org, database: Database, wave: Wave) -> Surroundings:
    """The clock and person of this save; what `$User` and its like hold, where a formula asks for it."""
    if not org.logic.formulas.globals and not org.logic.reads_clock:
        return Surroundings(datetime.fromisoformat(wave.frame.now))
    user = await _row(org, database, "User", wave.caller.user_id)
    values: dict[str, Stored] = {f"$User.{name}": value for name, value in user.items()}
    profile = (
        await _row(org, database, "Profile", user.get("ProfileId")) if "$profile" in org.logic.formulas.globals else {}
    )
    values |= {f"$Profile.{name}": value for name, value in profile.items()}
    values |= {"$Organization.Id": org.org_id, "$Organization.Name": org.name}
    values["$System.OriginDateTime"] = "1900-01-01T00:00:00+00:00"
    return Surroundings(datetime.fromisoformat(wave.frame.now), _zone(user.get("TimeZoneSidKey")), values)


async def _row(org: Org, database: Database, object_name: str, record_id: object) -> Row:
    if not isinstance(record_id, str):
        return {}
    found = await database.one(org.save.read(object_name), ids=[record_id])
    return decode_row(found[0]) if found is not None else {}


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(name)) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
