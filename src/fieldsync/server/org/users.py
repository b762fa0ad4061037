"""The people of an org: their `User` record, password and place in the feed.

Signing in is served elsewhere; here people are made, and their passwords set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Chance
from fieldsync.server.org.passwords import hashed
from fieldsync.server.org.seed import Seeding, insert_rows


@dataclass(frozen=True)
class NewUser:
    """A person to be. `profile` is the name of one of the catalog; `values` are further columns of `User`."""

    username: str
    password: str = field(repr=False)
    profile: str
    last_name: str
    values: Mapping[str, object] = field(default_factory=dict)


def create_user(seeding: Seeding, user: NewUser, chance: Chance) -> RecordId:
    """The new person's id; `values` may bring it.

    Raises Refused: WEAK_PASSWORD, DUPLICATE for a user name that is taken in any spelling, INVALID_REF for a profile
    nobody has, and what `User` itself refuses.
    """
    if find_user(seeding, user.username) is not None:
        raise Refused(problem(Code.DUPLICATE, object="User", field="Username", value=user.username))
    password_hash = hashed(user.password, user.username, chance)
    own: dict[str, object] = {
        "Username": user.username,
        "LastName": user.last_name,
        "ProfileId": profile_id(seeding, user.profile),
        "IsActive": True,
    }
    [new] = insert_rows(seeding, "User", [{**own, **user.values}])
    _keep(seeding, new, password_hash)
    heads = insert(seeding.metadata.tables["_user_head"]).values(user_id=new)
    seeding.connection.execute(heads.on_conflict_do_nothing())
    return new


def set_password(seeding: Seeding, username: str, password: str, chance: Chance) -> None:
    """Give a person another password. Raises Refused(NOT_FOUND) and Refused(WEAK_PASSWORD)."""
    user_id = find_user(seeding, username)
    if user_id is None:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=username))
    _keep(seeding, user_id, hashed(password, username, chance))


def find_user(seeding: Seeding, username: str) -> RecordId | None:
    """The id of the person with this user name, in any spelling."""
    users = seeding.metadata.tables["User"]
    found = select(users.c.Id).where(func.lower(users.c.Username) == username.lower())
    row = seeding.connection.execute(found).first()
    return None if row is None else RecordId(row[0])


def profile_id(seeding: Seeding, name: str) -> RecordId:
    """The id of a profile's record. Raises Refused(INVALID_REF)."""
    profiles = seeding.metadata.tables["Profile"]
    row = seeding.connection.execute(select(profiles.c.Id).where(profiles.c.Name == name)).first()
    if row is None:
        raise Refused(problem(Code.INVALID_REF, object="User", field="ProfileId", value=name))
    return RecordId(row[0])


def _keep(seeding: Seeding, user_id: RecordId, password_hash: str) -> None:
    row = {"password_hash": password_hash, "changed_at": seeding.clock.now()}
    new = insert(seeding.metadata.tables["_credential"]).values(user_id=user_id, **row)
    seeding.connection.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=row))
