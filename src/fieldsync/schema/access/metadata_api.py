"""The guard of FEATURES G22: people in the field must not hold the permission to change metadata through the API.

On an iPad or iPhone it makes syncs fail. Who is warned, and who is refused, is decided here; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from fieldsync.schema.access.permissions import Grants, SystemPermission
from fieldsync.schema.access.rights import Rights, system_permissions
from fieldsync.schema.model import Pack

SETTING = "Metadata_Api_Guard"
"""The setting that says what becomes of such a person's syncs: one of `Guard`, `warn` unless it is set."""
REFUSED_PLATFORMS = frozenset({"iPad", "iPhone"})


class Guard(StrEnum):
    """What the guard does beside telling the admin."""

    WARN = "warn"
    REFUSE = "refuse"


def holds(rights: Rights) -> bool:
    """Whether somebody in the field may change metadata through the API. Admins and integrations are not meant."""
    return SystemPermission.MODIFY_METADATA in rights.system and not (rights.admin or rights.integration)


def refuses(rights: Rights, platform: str | None, setting: str | None) -> bool:
    """Whether this person's device is refused."""
    strict = (setting or "").strip().lower() == Guard.REFUSE
    return strict and platform in REFUSED_PLATFORMS and holds(rights)


def warnings(packs: Iterable[Pack]) -> Iterator[str]:
    """A sentence for every profile of people in the field, and every permission set, that grants it."""
    parts = tuple(packs)
    profiles = [p for pack in parts for p in pack.profiles if not (p.admin or p.integration)]
    for kind, found in (("profile", profiles), ("permission set", [s for pack in parts for s in pack.permission_sets])):
        for one in found:
            if _grants(one):
                yield (
                    f"the {kind} {one.name} lets people change metadata through the API;"
                    " their syncs on iPad and iPhone can fail"
                )


def _grants(one: Grants) -> bool:
    return SystemPermission.MODIFY_METADATA in system_permissions((one,))
