"""What was looked at last: kept on the device with the drafts, never sent."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Mark, Record
from fieldsync.web.field.work.sheet import page_of
from fieldsync.web.kit.tongue import named

RECENT_MAX = 12
KEY = "recent"
_KEPT = "records"


@dataclass(frozen=True)
class Recent:
    """A record that was open lately."""

    label: str
    name: str
    link: str
    mark: Mark


def looked_at(device: Device, found: Record) -> None:
    """The person opened this record."""
    known = _known(device)
    mine = f"{found.object}/{found.id}"
    if known[:1] != [mine]:
        rest = [one for one in known if one != mine]
        device.drafts.put(KEY, {_KEPT: [mine, *rest][:RECENT_MAX]})


def recent(device: Device) -> list[Recent]:
    """The records looked at last that are still here, newest first."""
    told = []
    for one in _known(device):
        name, _, record_id = one.partition("/")
        if name not in device.catalog:
            continue
        found = device.get(name, RecordId(record_id))
        if found is not None:
            label = named(device.catalog[name].label)
            about = " · ".join((label, *_of_whom(device, found)))
            told.append(Recent(about, str(found.values["Name"] or label), page_of(name, record_id), found.mark))
    return told


def _of_whom(device: Device, found: Record) -> tuple[str, ...]:
    """The account a record is about: most are called by a number."""
    account = found.values.get("AccountId")
    name = device.name_of("Account", RecordId(account)) if isinstance(account, str) and account else None
    return (name,) if name else ()


def _known(device: Device) -> list[str]:
    kept = (device.drafts.get(KEY) or {}).get(_KEPT, [])
    return [one for one in kept if isinstance(one, str)]
