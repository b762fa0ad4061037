"""Profiles and permission sets as packs declare them. What a person may do by them is answered in `rights.py`.

These structs are also the form of the YAML packs, as those of `model.py` are.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from fieldsync.schema.noun import Noun


class Access(StrEnum):
    """What may be done with an object's records. Each implies what it cannot be without: see `rights.IMPLIED`."""

    READ = "read"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    VIEW_ALL = "view_all"
    MODIFY_ALL = "modify_all"


class FieldAccess(StrEnum):
    """What may be done with a field of an object that may be read."""

    NONE = "none"
    READ = "read"
    EDIT = "edit"


class SystemPermission(StrEnum):
    """What may be done with the org as a whole."""

    API_ENABLED = "api_enabled"
    """May sign in from other programs."""
    VIEW_ALL_DATA = "view_all_data"
    """Reads every record of every object that is not the platform's own."""
    MODIFY_ALL_DATA = "modify_all_data"
    """Changes every record of every object that is not the platform's own; may change metadata too."""
    CUSTOMIZE_APPLICATION = "customize_application"
    """Changes the data model."""
    MODIFY_METADATA = "modify_metadata"
    """Changes metadata through the API. People with an iPad or iPhone must not have it (FEATURES G22)."""


class Grants(Noun, frozen=True):
    """What profiles and permission sets have in common. The key `*` of `objects` is every object not named that is not
    the platform's own; the key `*` of an object's `fields` is every field not named."""

    name: str
    label: str
    description: str | None = None
    objects: dict[str, tuple[Access, ...]] = msgspec.field(default_factory=dict)
    """Object to what may be done with its records."""
    fields: dict[str, dict[str, FieldAccess]] = msgspec.field(default_factory=dict)
    """Object to field to what may be done with it. A field a profile says nothing of is as open to it as its object."""
    system: tuple[SystemPermission, ...] = ()
    record_types: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Object to the record types new records may have, the one they have unless told otherwise first. Of an object that
    is not named every active one."""


class Profile(Grants, frozen=True):
    """What its users may do. Everybody has one profile."""

    admin: bool = False
    integration: bool = False
    """Other systems: they may override the lock of a submitted record, once a save."""


class PermissionSet(Grants, frozen=True):
    """What some may do beside what their profile lets them: it only adds. Who: see Permission_Set_Assignment."""
