"""What is to happen with the files, out of what the rows say and what is here. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fieldsync.base.ids import RecordId
from fieldsync.device.store.media.files import Held


@dataclass(frozen=True)
class Wanted:
    """The file a record says it has."""

    object: str
    id: RecordId
    name: str
    checksum: str
    bytes: int
    media_type: str = ""
    file_name: str = ""
    part: bool = False
    """Whether it is the text of a field, of which the row has the beginning."""
    within: bool = True
    """Whether it is within the limits of its sync rule: others come where a person asks for them (FEATURES L10)."""


class Where(StrEnum):
    """How a file stands on this device."""

    ABSENT = "absent"
    PART = "part"
    """Some of it came; the rest is fetched from there on."""
    OLD = "old"
    """An earlier version is here, and can be used until the new one has come."""
    HERE = "here"


@dataclass(frozen=True)
class Item:
    """A file with how it stands. `here`: bytes of its present version; `waits`: made here, and not sent yet."""

    wanted: Wanted
    where: Where
    here: int = 0
    waits: bool = False

    @property
    def usable(self) -> bool:
        """Whether some version of it can be opened."""
        return self.where in (Where.HERE, Where.OLD)

    @property
    def left(self) -> int:
        """Bytes that would have to come."""
        return 0 if self.where is Where.HERE else self.wanted.bytes - self.here


@dataclass(frozen=True)
class Plan:
    """In this order: what leaves the device, what comes by itself, being here in an earlier version or the rest of a
    row, what was begun or never fetched."""

    drop: tuple[RecordId, ...]
    update: tuple[Item, ...]
    new: tuple[Item, ...]


def items(wanted: Iterable[Wanted], held: Iterable[Held]) -> list[Item]:
    """Every file the rows speak of, in their order."""
    by_record: dict[RecordId, dict[str, Held]] = {}
    for one in held:
        by_record.setdefault(one.id, {})[one.checksum] = one
    return [_item(one, by_record.get(one.id, {})) for one in wanted]


def _item(wanted: Wanted, versions: Mapping[str, Held]) -> Item:
    present = versions.get(wanted.checksum)
    here = present.here if present is not None else 0
    if present is not None and present.whole:
        return Item(wanted, Where.HERE, here, waits=present.outgoing)
    if any(one.whole for one in versions.values()):
        return Item(wanted, Where.OLD, here)
    return Item(wanted, Where.PART if here else Where.ABSENT, here)


def plan(wanted: Iterable[Wanted], held: Iterable[Held]) -> Plan:
    """What a media sync has to do. A file leaves with its record (FEATURES L08), unless it still has to be sent."""
    held = list(held)
    found = items(wanted, held)
    known = {item.wanted.id for item in found}
    gone = dict.fromkeys(one.id for one in held if one.id not in known and not one.outgoing)
    found = [item for item in found if item.wanted.within]
    itself = [item for item in found if item.where is Where.OLD or (item.wanted.part and item.left)]
    chosen = [item for item in found if item.left and item not in itself]
    begun = [item for item in chosen if item.where is Where.PART]
    return Plan(tuple(gone), tuple(itself), (*begun, *(item for item in chosen if item.where is Where.ABSENT)))
