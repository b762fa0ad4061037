"""Clinics that may be merged: details of a region that counts and sums them, with visits, notes and loaded sales."""

from __future__ import annotations

from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.model import Bulk, Field, FieldType, Object, Pack, RollUp, Sharing

TEXT, NUMBER, MASTER, LOOKUP = FieldType.TEXT, FieldType.NUMBER, FieldType.MASTER_DETAIL, FieldType.LOOKUP


def merge_pack() -> Pack:
    """Clinics are private to their owner and whoever is named in `Seen_By`."""
    objects = (_region(), _clinic(), _visit(), _note(), _sales(), _plan(), _step())
    every = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    rights: dict[str, tuple[Access, ...]] = {**{o.name: every for o in objects}, "User": (Access.READ,)}
    rep = Profile(name="Rep", label="Rep", objects=rights)
    return Pack(name="clinics", label="Clinics", objects=objects, profiles=(rep,))


def _region() -> Object:
    count = RollUp(operation="COUNT", child_object="Clinic", child_reference="RegionId")
    visits = RollUp(operation="SUM", child_object="Clinic", child_reference="RegionId", field="Minutes")
    plans = RollUp(operation="COUNT", child_object="Plan", child_reference="RegionId")
    fields = (
        Field(name="Clinics", type=FieldType.ROLL_UP, roll_up=count),
        Field(name="Plans", type=FieldType.ROLL_UP, roll_up=plans),
        Field(name="Minutes", type=FieldType.ROLL_UP, roll_up=visits),
    )
    return Object(name="Region", label="Region", prefix="a20", fields=fields)


def _clinic() -> Object:
    minutes = RollUp(operation="SUM", child_object="Visit", child_reference="ClinicId", field="Minutes")
    fields = (
        Field(name="RegionId", type=MASTER, references="Region"),
        Field(name="City", type=TEXT, length=40),
        Field(name="Code", type=TEXT, length=40, unique=True),
        Field(name="Seen_By", type=LOOKUP, references="User"),
        Field(name="ParentId", type=LOOKUP, references="Clinic"),
        Field(name="Minutes", type=FieldType.ROLL_UP, roll_up=minutes),
    )
    sharing = {"sharing": Sharing.PRIVATE, "shared_with": "Seen_By = @@USER_ID@@"}
    return Object(name="Clinic", label="Clinic", prefix="a21", fields=fields, mergeable=True, **sharing)  # type: ignore[arg-type]


def _visit() -> Object:
    fields = (
        Field(name="ClinicId", type=MASTER, references="Clinic"),
        Field(name="Minutes", type=NUMBER, precision=6, scale=0),
    )
    return Object(name="Visit", label="Visit", prefix="a22", fields=fields)


def _note() -> Object:
    fields = (Field(name="ClinicId", type=LOOKUP, references="Clinic"), Field(name="Text", type=TEXT, length=80))
    return Object(name="Note", label="Note", prefix="a23", fields=fields)


def _plan() -> Object:
    """One for each region and clinic; a detail of the region, which counts its plans."""
    fields = (
        Field(name="RegionId", type=MASTER, references="Region"),
        Field(name="ClinicId", type=LOOKUP, references="Clinic"),
        Field(name="Active", type=FieldType.CHECKBOX),
        Field(name="Goal", type=NUMBER, precision=6, scale=0),
        Field(name="Text", type=TEXT, length=80),
    )
    return Object(
        name="Plan", label="Plan", prefix="a25", fields=fields, mergeable=True, one_each=("RegionId", "ClinicId")
    )


def _step() -> Object:
    return Object(
        name="Step", label="Step", prefix="a26", fields=(Field(name="PlanId", type=LOOKUP, references="Plan"),)
    )


def _sales() -> Object:
    fields = (
        Field(name="ClinicId", type=MASTER, references="Clinic"),
        Field(name="Period", type=FieldType.DATE, required=True),
        Field(name="Units", type=NUMBER, precision=9, scale=0),
    )
    return Object(
        name="Sales",
        label="Sales",
        prefix="a24",
        sharing=Sharing.BY_PARENT,
        fields=fields,
        bulk=Bulk(key=("ClinicId", "Period"), period="Period"),
    )
