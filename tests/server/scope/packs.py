"""The objects of the scope's tests: clinics of territories, doctors in them, notes on doctors."""

from __future__ import annotations

from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.model import Field, FieldType, Object, Pack, Sharing

AREA_CLINICS = "Id IN (SELECT ClinicId FROM Clinic_Area WHERE TerritoryId IN @@TERRITORY_TREE_IDS@@)"


def clinic_pack() -> Pack:
    """Clinics are private to their owner, his managers and the territories they are assigned to."""
    text, lookup, detail = FieldType.TEXT, FieldType.LOOKUP, FieldType.MASTER_DETAIL
    clinic = Object(
        name="Clinic",
        label="Clinic",
        prefix="a10",
        sharing=Sharing.PRIVATE,
        shared_with=AREA_CLINICS,
        fields=(
            Field(name="City", type=text, length=40),
            Field(name="Beds", type=FieldType.NUMBER, precision=5, scale=0),
            Field(name="Opened", type=FieldType.DATE),
        ),
    )
    area = Object(
        name="Clinic_Area",
        label="Clinic Area",
        prefix="a11",
        fields=(
            Field(name="ClinicId", type=lookup, references="Clinic"),
            Field(name="TerritoryId", type=lookup, references="Territory"),
        ),
    )
    doctor = Object(
        name="Doctor",
        label="Doctor",
        prefix="a12",
        sharing=Sharing.BY_PARENT,
        fields=(
            Field(name="ClinicId", type=detail, references="Clinic"),
            Field(name="Field", type=text, length=40),
        ),
    )
    note = Object(
        name="Note",
        label="Note",
        prefix="a13",
        sharing=Sharing.READ,
        fields=(Field(name="DoctorId", type=lookup, references="Doctor"), Field(name="Text", type=text)),
    )
    everything = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    names = ("Clinic", "Clinic_Area", "Doctor", "Note")
    rep = Profile(name="Rep", label="Rep", objects={**dict.fromkeys(names, everything), "User": (Access.READ,)})
    return Pack(name="clinics", label="Clinics", objects=(clinic, area, doctor, note), profiles=(rep,))
