"""What a signature keeps as it is on the page of a record, so that nobody types what cannot be saved (FEATURES L02)."""

from __future__ import annotations

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Record
from fieldsync.schema.family import signing
from fieldsync.web.kit.layout import Layout


def kept_of(device: Device, layout: Layout, found: Record | None) -> frozenset[str]:
    """Fields that stay as they were signed, of a record that is signed and never submitted, and of a detail under a
    signature. One that can be submitted is kept as a whole (`Sheet.signed`)."""
    object_type = layout.object
    names = frozenset((*layout.entered, *signing.signatures(object_type)))
    if found is None:
        return frozenset()
    if signing.covered(object_type) and _is_under_signature(device, found):
        return names
    if layout.submit is not None or not signing.given(object_type, found.values):
        return frozenset()
    values = found.values
    return frozenset(name for name in names if signing.breaking(object_type, values, values, {name}, None))


def _is_under_signature(device: Device, found: Record) -> bool:
    family, master = device.catalog.family_of(found.object), device.catalog[found.object].master
    if family is None or master is None or master.references is None or not found.values.get(master.name):
        return False
    above = device.get(master.references, RecordId(str(found.values[master.name])))
    if above is None or above.object != family.root:
        return above is not None and _is_under_signature(device, above)
    is_open = signing.is_open(above.values, family.declaration.submit)
    return is_open and bool(signing.given(device.catalog[family.root], above.values))
