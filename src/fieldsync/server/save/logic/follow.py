"""What follows from a write (DESIGN 6, steps 10 and 11): masters summed up anew, and their masters.

Each level is written as a set and may cause the next. What is refused here was found after the write, so the wave is
rolled back and runs again without the transactions that caused it (`Late`).
"""

from __future__ import annotations

from fieldsync.base import limits
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, Wave, Work
from fieldsync.server.save.logic.masters import changed_masters
from fieldsync.server.save.write import Written, write_derived


class Late(Exception):
    """Reasons to refuse, found after the write: each with the transactions that caused what was refused."""

    def __init__(self, refused: list[tuple[list[Work], tuple[Problem, ...]]]) -> None:
        super().__init__(len(refused))
        self.refused = refused

    @property
    def is_certain(self) -> bool:
        """Whether each refusal has one cause; where several have a part, they must be tried one by one."""
        return all(len(works) == 1 for works, _ in self.refused)

    def reject(self) -> None:
        """Refuse what caused it, for good."""
        for works, problems in self.refused:
            for work in works:
                work.reject(*problems)
                work.refused_for_good = True


async def follow(org: Org, database: Database, wave: Wave, written: list[Written]) -> list[Written]:
    """Everything that was written once nothing follows any more, what was given included. Raises Late."""
    news: dict[str, Row] = {}
    level, everything = written, list(written)
    for _ in range(limits.FOLLOWING_LEVELS_MAX):
        news.update({entry.ref.id: entry.after for entry in level})
        derived = await changed_masters(org, database, wave, level, news)
        if not derived:
            return everything
        level = await write_derived(org, database, wave, derived)
        everything += level
    reason = f"what it causes goes on for more than {limits.FOLLOWING_LEVELS_MAX} levels"
    raise Late([(list({id(e.work): e.work for e in level}.values()), (problem(Code.RECURSION, reason=reason),))])
