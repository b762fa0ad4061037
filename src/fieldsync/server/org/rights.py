"""The rights of an org's people, and giving somebody a permission set, outside any session: for the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.catalog.sources import sources
from fieldsync.schema.access.rights import Rights, RightsTable
from fieldsync.server.org.seed import Seeding, insert_rows
from fieldsync.server.org.users import find_user
from fieldsync.server.sync.session_statements import ASSIGNMENT, PERMISSION_SET, held_sets


@dataclass(frozen=True)
class Person:
    """An active person and what he may do now."""

    id: RecordId
    username: str
    rights: Rights


def people(seeding: Seeding) -> Iterator[Person]:
    """Every active person of the org, by user name."""
    tables = seeding.metadata.tables
    user, profile = tables["User"], tables["Profile"]
    columns = (user.c.Id, user.c.Username, profile.c.Name, held_sets(tables, user.c.Id))
    query = select(*columns).join_from(user, profile, profile.c.Id == user.c.ProfileId)
    active = query.where(user.c.IsActive.is_(True), user.c.IsDeleted.is_(False)).order_by(user.c.Username)
    table = RightsTable(seeding.catalog, sources(CatalogFormulas(seeding.catalog)))
    for user_id, username, profile_name, sets in seeding.connection.execute(active, {"now": seeding.clock.now()}):
        yield Person(RecordId(user_id), username, table.of(profile_name, sets or ()))


def person(seeding: Seeding, username: str | None) -> Person:
    """One of them; without a name the one rows are brought in for, the org's first. Raises Refused(NOT_FOUND)."""
    wanted = seeding.user_id if username is None else find_user(seeding, username)
    found = next((one for one in people(seeding) if one.id == wanted), None)
    if found is None:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=username or seeding.user_id))
    return found


def assign(seeding: Seeding, username: str, permission_set: str, until: datetime | None) -> RecordId:
    """Give somebody a permission set, for good or until then; the id of the assignment.

    Raises Refused: NOT_FOUND for the person, INVALID_REF for the set.
    """
    user_id = find_user(seeding, username)
    if user_id is None:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=username))
    declared = seeding.metadata.tables[PERMISSION_SET]
    named = select(declared.c.Id).where(declared.c.Name == permission_set, declared.c.IsDeleted.is_(False))
    set_id = seeding.connection.execute(named).scalar()
    if set_id is None:
        raise Refused(problem(Code.INVALID_REF, object=ASSIGNMENT, field="Permission_SetId", value=permission_set))
    head = seeding.metadata.tables["_user_head"]
    renewed = update(head).where(head.c.user_id == user_id).values(rights_version=head.c.rights_version + 1)
    seeding.connection.execute(renewed)
    row = {"AssigneeId": user_id, "Permission_SetId": set_id, "Expiration_Date": instant(until) if until else None}
    [new] = insert_rows(seeding, ASSIGNMENT, [row])
    return new
