"""Who looks at records in a browser, and which rows of an object are open to him: the same sharing as for a save."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import true

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.scope import Scope
from fieldsync.soql.bound import BoundCondition


@dataclass(frozen=True)
class Reader:
    """Who asks. `restrict` is where sharing enters: the condition that rows of an object must meet, if there is one;
    `values` are those of the tokens in it."""

    user_id: RecordId
    rights: Rights
    zone: str = "UTC"
    restrict: Callable[[str], BoundCondition | None] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    locale: str = "en_US"
    scope: Scope | None = None

    def may_see(self, name: str, table: Any) -> Any:
        """Whether a row of a statement is open to him."""
        return true() if self.scope is None else self.scope.holds(self.scope.cut.composer.shared(name), table)


async def reader_of(org: Org, database: Database, caller: Caller) -> Reader:
    """The caller as a reader. Raises Refused(SYNC_RULE) where nobody could save either."""
    scope = await org.scopes.of(database, caller, org.world.clock)
    person = (await org.scopes.look_up(database, caller, org.world.clock)).person
    return Reader(
        user_id=caller.user_id,
        rights=caller.rights,
        zone=scope.recipe.zone,
        restrict=scope.cut.composer.shared,
        values=scope.recipe.values,
        locale=person.locale,
        scope=scope,
    )


def open_to(org: Org, reader: Reader, name: str) -> ObjectType:
    """An object that may be read. One that may not looks as if it were not there. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in org.catalog or not reader.rights.may(name, Access.READ):
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    return org.catalog[name]
