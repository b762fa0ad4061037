"""Step 13 for approved e-mails: one that a save leaves queued gets its job, in the save's own database transaction."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.protocol.email.consent import OBJECT, QUEUED
from fieldsync.server.org.runtime import Org
from fieldsync.server.save.batch import Wave
from fieldsync.server.save.write import Written

EMAIL = "email"


class DueEmail(msgspec.Struct, frozen=True):
    """The arguments of a job: send this one, on behalf of who saved it."""

    org: str
    email: RecordId
    user: RecordId
    profile: str


def emails_of(org: Org, wave: Wave, written: Iterable[Written]) -> list[DueEmail]:
    """The jobs for what became queued by what was written."""
    ids = {one.ref.id for one in written if one.ref.object == OBJECT and _became_queued(one)}
    return [DueEmail(org.name, record_id, wave.caller.user_id, wave.caller.profile) for record_id in sorted(ids)]


def _became_queued(one: Written) -> bool:
    before = one.before.get("Status") if one.before is not None and one.kind != "undeleted" else None
    return one.kind != "deleted" and one.after.get("Status") == QUEUED and before != QUEUED
