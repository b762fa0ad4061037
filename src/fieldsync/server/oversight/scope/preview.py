"""A change of sync rules as a difference, before it takes effect: what every person's device would get and lose.

What decides is what decides for a device: the scope of now and the scope as it would be. All of it is read in one
snapshot, bounded in people and in time; whoever was not looked at is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.holders import Holder, Holders, first_holders
from fieldsync.server.oversight.scope.moves import Moved, Moves
from fieldsync.server.oversight.scope.proposal import Proposal, as_they_would_be, judged
from fieldsync.server.postgres.work import Busy
from fieldsync.server.postgres.work import Work as Database


class PersonMoved(msgspec.Struct, frozen=True):
    """What one kind of device of one person would get and lose, object by object."""

    username: str
    name: str
    profile: str
    device: str
    objects: tuple[Moved, ...]

    @property
    def rows_in(self) -> int:
        return sum(moved.rows_in for moved in self.objects)

    @property
    def rows_out(self) -> int:
        return sum(moved.rows_out for moved in self.objects)

    @property
    def again(self) -> int:
        return sum(moved.again for moved in self.objects)


class Preview(msgspec.Struct, frozen=True):
    """`people` are those affected, of `looked_at` devices; `left_out` says how many people of a profile were not."""

    people: tuple[PersonMoved, ...]
    looked_at: int
    left_out: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What a preview is of, for whose eyes, and of so many people of each profile."""

    proposals: Sequence[Proposal]
    reader: Rights
    per_profile: int = limits.PREVIEW_PEOPLE_PER_PROFILE


async def preview(org: Org, database: Database, asked: Asked, holders: Holders | None = None) -> Preview:
    """The difference. `database` is one snapshot; `holders` are the people, without them the first of every profile.

    Raises Refused: SYNC_RULE for what would be refused when saved, TIMEOUT where one query takes too long.
    """
    rules = dict(await org.scopes.rules_by_id(database))
    faults = judged(org.catalog, rules, asked.proposals)
    whose = holders or await first_holders(org, database, asked.per_profile)
    after = as_they_would_be(rules, asked.proposals)
    work = _Working(org, database, asked.reader, tuple(rules.values()), after)
    try:
        found, left = await work.of_all(whose.found)
    except Busy:
        raise Refused(problem(Code.TIMEOUT)) from None
    left_out = Counter(whose.left_out)
    left_out.update({profile: len(people) for profile, people in left.items()})
    people = tuple(one for one in found if any(moved.moves for moved in one.objects))
    warnings = (*(fault.sentence for fault in faults), *emptied(after, found))
    return Preview(people, len(found), dict(left_out), tuple(dict.fromkeys(warnings)))


class _Working:
    def __init__(
        self, org: Org, database: Database, reader: Rights, before: tuple[SyncRule, ...], after: tuple[SyncRule, ...]
    ) -> None:
        self._org, self._database, self._reader = org, database, reader
        self._before, self._after = before, after
        self._known: dict[tuple[str, str], tuple[Moved, ...]] = {}

    async def of_all(self, holders: Iterable[Holder]) -> tuple[list[PersonMoved], dict[str, set[str]]]:
        """As many as the time allows, and by profile the user names of the others."""
        clock = self._org.world.clock
        until = clock.steady() + limits.PREVIEW_SECONDS
        found: list[PersonMoved] = []
        left: dict[str, set[str]] = defaultdict(set)
        for holder in holders:
            if clock.steady() > until:
                left[holder.caller.profile].add(holder.username)
                continue
            objects = await self._moved(holder)
            found.append(PersonMoved(holder.username, holder.name, holder.caller.profile, holder.device, objects))
        return found, left

    async def _moved(self, holder: Holder) -> tuple[Moved, ...]:
        clock, scopes = self._org.world.clock, self._org.scopes
        then, now = (scopes.under(holder.caller, holder.looked, r, clock) for r in (self._before, self._after))
        key = (then.recipe.hash, now.recipe.hash)
        if key not in self._known:
            moves = Moves(then, now, self._reader)
            self._known[key] = tuple([await moves.of(self._database, name) for name in moves.objects])
        return self._known[key]


def emptied(rules: Iterable[SyncRule], found: Iterable[PersonMoved]) -> Iterator[str]:
    """A sentence for each object the field app needs that nobody of a profile would have a row of (FEATURES A39)."""
    needed = {rule.object for rule in rules if rule.required and rule.active}
    rows: dict[tuple[str, str], int] = Counter()
    lost: set[tuple[str, str]] = set()
    for person in found:
        for moved in person.objects:
            if moved.object in needed:
                place = (moved.object, person.profile)
                rows[place] += moved.rows
                lost |= {place} if moved.rows_out else set()
    for name, profile in sorted(lost):
        if not rows[name, profile]:
            yield f"The field app needs {name}: nobody of the profile {profile} would have any."
