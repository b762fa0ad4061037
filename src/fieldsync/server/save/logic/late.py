"""A refusal that is found after the write."""

from __future__ import annotations

from fieldsync.base.problems import Problem
from fieldsync.server.save.batch import Work


class Late(Exception):
    """Reasons to refuse that roll the wave back: each with the transactions that caused what was refused."""

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
