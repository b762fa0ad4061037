"""Shops with visits, for scenarios in which what matters happens to the server; and a save that was acknowledged."""

from __future__ import annotations

from fieldsync.base.ids import RecordId
from fieldsync.device import Device


def shops_pack(name: str) -> str:
    """The pack of an org of this name."""
    return f"""
name: {name}
label: {name}
objects:
  - name: Shop
    label: Shop
    prefix: a00
    fields:
      - {{name: City, type: text, label: City, length: 40}}
      - {{name: Phone, type: phone, label: Phone}}
      - {{name: Code, type: text, label: Code, length: 8, unique: true}}
  - name: Visit
    label: Visit
    prefix: a01
    fields:
      - {{name: ShopId, type: lookup, label: Shop, references: Shop}}
  - name: Tour
    label: Tour
    prefix: a02
    family: {{}}
    fields: [{{name: City, type: text, label: City, length: 40}}]
  - name: Stop
    label: Stop
    prefix: a03
    fields: [{{name: TourId, type: master_detail, label: Tour, references: Tour}}]
profiles:
  - name: Rep
    label: Rep
    objects: {{Shop: [read, create, edit, delete], Visit: [read, create, edit, delete],
              Tour: [read, create, edit, delete], Stop: [read, create, edit, delete], User: [read]}}
"""


def change(device: Device, shop: RecordId, **values: str) -> None:
    """A save that the server has acknowledged when this returns."""
    with device.edit() as edit:
        edit.update("Shop", shop, values)
    assert device.sync().successful
    assert device.queue() == []
