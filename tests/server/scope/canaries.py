"""An org with something to hide: two people of two territories, a manager of both, and marked values in every field.

What Sarah owns is nothing Tom may know of. Whatever Tom is answered is searched for it, byte by byte.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from functools import cached_property

from tests.server.lab import PASSWORD, START, Lab, Phone, create
from tests.server.scope.packs import AREA_CLINICS

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.upload import Saved
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

PACK = f"""
name: vaults
label: Vaults
objects:
  - name: Clinic
    label: Clinic
    prefix: a10
    sharing: private
    shared_with: "{AREA_CLINICS}"
    fields:
      - {{name: City, type: text, length: 60}}
      - {{name: Code, type: text, length: 60, unique: true}}
      - {{name: Story, type: long_text, length: 900}}
      - {{name: Mail, type: email}}
      - {{name: Call, type: phone}}
      - {{name: Site, type: url}}
      - {{name: Beds, type: number, precision: 12, scale: 0}}
      - {{name: Price, type: currency, precision: 14, scale: 2}}
      - {{name: Opened, type: date}}
      - {{name: Seen, type: datetime}}
      - {{name: Picture, type: base64}}
      - {{name: ParentId, type: lookup, references: Clinic}}
      - {{name: Wealth, type: number, precision: 12, scale: 0}}
      - {{name: Rich, type: formula, formula: 'Wealth > 100', formula_returns: checkbox}}
      - {{name: Above, type: formula, formula: 'Parent.City', formula_returns: text}}
      - {{name: Doctors, type: roll_up, roll_up: {{operation: COUNT, child_object: Doctor, child_reference: ClinicId}}}}
      - name: Owed
        type: roll_up
        precision: 12
        scale: 0
        roll_up: {{operation: SUM, child_object: Debt, child_reference: ClinicId, field: Amount}}
  - name: Clinic_Area
    label: Area
    prefix: a11
    sharing: controlled_by_parent
    fields:
      - {{name: ClinicId, type: master_detail, references: Clinic}}
      - {{name: TerritoryId, type: lookup, references: Territory}}
  - name: Doctor
    label: Doctor
    prefix: a12
    sharing: controlled_by_parent
    fields:
      - {{name: ClinicId, type: master_detail, references: Clinic}}
      - {{name: Skill, type: text, length: 60}}
  - name: Debt
    label: Debt
    prefix: a13
    fields:
      - {{name: ClinicId, type: master_detail, references: Clinic}}
      - {{name: Amount, type: number, precision: 12, scale: 0}}
  - name: Visit
    label: Visit
    prefix: a14
    sharing: private
    family: {{}}
    fields:
      - {{name: ClinicId, type: lookup, references: Clinic, required: true}}
      - {{name: Notes, type: text, length: 60}}
  - name: Visit_Line
    label: Line
    prefix: a15
    sharing: controlled_by_parent
    fields:
      - {{name: VisitId, type: master_detail, references: Visit}}
      - {{name: Product, type: text, length: 60}}
  - name: Memo
    label: Memo
    prefix: a16
    sharing: private
    fields:
      - {{name: ClinicId, type: lookup, references: Clinic}}
      - {{name: Text, type: text, length: 60}}
  - {{name: Bulletin, label: Bulletin, prefix: a17, fields: [{{name: Text, type: text, length: 60}}]}}
profiles:
  - name: Rep
    label: Rep
    objects:
      Clinic: [create, delete]
      Clinic_Area: [create, delete]
      Doctor: [create, delete]
      Visit: [create, delete]
      Visit_Line: [create, delete]
      Memo: [create, delete]
      Bulletin: [create, delete]
      Territory: [read]
      User: [read]
    fields: {{Clinic: {{Wealth: none}}}}
permission_sets:
  - {{name: Money, label: Money, objects: {{Debt: [read]}}, fields: {{Clinic: {{Wealth: read}}}}}}
"""


def prepare(uri: str) -> None:
    """The org of `World`, still empty."""
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    catalog = build([*load_packs(("platform",)), parse_pack(PACK, "vaults")])
    create_org(uri, "small", catalog, admin=admin, world=World(ManualClock(START), SeededChance(6)))


def clinic_values(owner: str) -> dict[str, object]:
    """A value in every field of a clinic that nobody else has."""
    mark = f"canary{owner}"
    texts = {name: f"{mark}{name}" for name in ("Name", "City", "Code", "Story")}
    number = 31_337_000 + len(owner)
    return texts | {
        "Mail": f"{mark}@hidden.example",
        "Call": f"+99 {number}",
        "Site": f"https://{mark}.example",
        "Beds": number,
        "Price": Decimal(f"{number + 1}.25"),
        "Opened": f"19{len(owner)}7-07-13",
        "Seen": f"19{len(owner)}8-09-17T03:04:05Z",
        "Picture": base64.b64encode(mark.encode()).decode(),
    }


class Planted:
    """The org with its people. `records`: who owns which record, by object."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.admin = lab.phone("admin")
        self.admin_id: str = self.admin.session.user.id
        (self.north,) = lab.rows("Territory", {"Name": "North"})
        self.oslo, self.bergen = lab.rows(
            "Territory", {"Name": "Oslo", "ParentId": self.north}, {"Name": "Bergen", "ParentId": self.north}
        )
        self.works: dict[str, RecordId] = {}
        for name, place in (("sarah", self.oslo), ("tom", self.bergen), ("bossy", self.north)):
            person = lab.person(name)
            (self.works[name],) = lab.rows("User_Territory", {"UserId": person, "TerritoryId": place})
        self.sarah, self.tom, self.boss = (lab.phone(name) for name in ("sarah", "tom", "bossy"))
        self.records = {"sarah": self._plant(self.sarah, "sarah", self.oslo)}
        self.records["tom"] = self._plant(self.tom, "tom", self.bergen)

    def _plant(self, phone: Phone, owner: str, territory: str) -> dict[str, RecordId]:
        made = {n: phone.new_id(n) for n in ("Clinic", "Doctor", "Visit", "Visit_Line", "Memo")}
        clinic, mark = made["Clinic"], f"canary{owner}"
        saves = (
            [create("Clinic", clinic, **clinic_values(owner))],
            [create("Doctor", made["Doctor"], Name=f"{mark}Dr", ClinicId=clinic, Skill=f"{mark}Skill")],
            [
                create("Visit", made["Visit"], Name=f"{mark}Visit", ClinicId=clinic, Notes=f"{mark}Notes"),
                create("Visit_Line", made["Visit_Line"], Name=f"{mark}Line", VisitId=made["Visit"], Product=f"{mark}P"),
            ],
            [create("Memo", made["Memo"], Name=f"{mark}Memo", ClinicId=clinic, Text=f"{mark}Text")],
        )
        done = phone.upload(*(phone.save(*items) for items in saves))
        assert all(isinstance(result.outcome, Saved) for result in done.results), done
        values = {"ClinicId": clinic, "TerritoryId": territory}
        made["Clinic_Area"] = self.admin.new_id("Clinic_Area")
        made["Debt"] = self.admin.new_id("Debt")
        area = create("Clinic_Area", made["Clinic_Area"], Name=f"{mark}Area", **values)
        debt = create("Debt", made["Debt"], Name=f"{mark}Debt", ClinicId=clinic, Amount=424_240_424)
        for item in (area, debt):
            assert isinstance(self.admin.outcome(item), Saved)
        return made

    @cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """What Tom may not read a byte of: Sarah's values and ids, and what is hidden from every rep."""
        values = clinic_values("sarah")
        words = {"canarysarah", str(values["Beds"]), str(values["Price"]), str(values["Opened"])[:10], "424240424"}
        words |= {str(values["Seen"])[:10], str(values["Call"]), str(values["Picture"])}
        return tuple(word.encode() for word in (*words, *self.records["sarah"].values()))

    def found_in(self, said: bytes) -> list[bytes]:
        """Which secrets an answer holds."""
        return [secret for secret in self.secrets if secret in said]

    def unknown(self, object_name: str) -> RecordId:
        """An id of Sarah's device that no record has."""
        return ids.mint(self.lab.org.catalog[object_name].prefix, self.sarah.number, 90_000)
