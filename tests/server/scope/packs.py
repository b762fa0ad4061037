"""The objects of the scope's tests: clinics of territories, doctors in them, notes on doctors."""

from __future__ import annotations

from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.model import Field, FieldType, Object, Pack, Sharing

AREA_CLINICS = "Id IN (SELECT ClinicId FROM Clinic_Area WHERE TerritoryId IN @@TERRITORY_TREE_IDS@@)"


def clinic_pack() -> Pack:
    """Clinics are private to their owner, his managers and the territories they are assigned to."""
    everything = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    objects = (_clinic(), _area(), _doctor(), _note())
    rights = {**dict.fromkeys((o.name for o in objects), everything), "User": (Access.READ,)}
    rep = Profile(name="Rep", label="Rep", objects=rights)
    return Pack(name="clinics", label="Clinics", objects=objects, profiles=(rep,))


def _clinic() -> Object:
    fields = (
        Field(name="City", type=FieldType.TEXT, length=40),
        Field(name="Beds", type=FieldType.NUMBER, precision=5, scale=0),
        Field(name="Opened", type=FieldType.DATE),
    )
    private = Sharing.PRIVATE
    return Object(name="Clinic", label="Clinic", prefix="a10", sharing=private, shared_with=AREA_CLINICS, fields=fields)


def _area() -> Object:
    fields = (
        Field(name="ClinicId", type=FieldType.LOOKUP, references="Clinic"),
        Field(name="TerritoryId", type=FieldType.LOOKUP, references="Territory"),
    )
    return Object(name="Clinic_Area", label="Clinic Area", prefix="a11", fields=fields)


def _doctor() -> Object:
    fields = (
        Field(name="ClinicId", type=FieldType.MASTER_DETAIL, references="Clinic"),
        Field(name="Field", type=FieldType.TEXT, length=40),
    )
    return Object(name="Doctor", label="Doctor", prefix="a12", sharing=Sharing.BY_PARENT, fields=fields)


def _note() -> Object:
    fields = (
        Field(name="DoctorId", type=FieldType.LOOKUP, references="Doctor"),
        Field(name="Text", type=FieldType.TEXT),
    )
    return Object(name="Note", label="Note", prefix="a13", sharing=Sharing.READ, fields=fields)
