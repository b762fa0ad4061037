"""What an import read, and every part of its source that it did not take over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec


class Level(StrEnum):
    """How much an issue matters."""

    UNSUPPORTED = "unsupported"
    """It would change what people can store or do, and is not taken over."""
    IGNORED = "ignored"
    """It does not matter to data and sync: looks, tracking, what the platform decides by itself."""
    ERROR = "error"
    """The source is damaged or contradicts itself."""


class Issue(msgspec.Struct, frozen=True, order=True):
    """One part of the source that was not taken over. `file` is relative to the project, with `/`; `element` names the
    element or, for a whole file, its kind."""

    file: str
    element: str
    reason: str
    level: Level


class Report(msgspec.Struct, frozen=True):
    """Counts of what the pack holds, and the issues. `fields` counts roll-ups too."""

    objects: int
    fields: int
    validation_rules: int
    roll_ups: int
    list_views: int
    value_sets: int
    issues: tuple[Issue, ...]
    profiles: int = 0
    permission_sets: int = 0

    def of(self, *levels: Level) -> tuple[Issue, ...]:
        """The issues of these levels."""
        return tuple(issue for issue in self.issues if issue.level in levels)

    def as_json(self) -> dict[str, Any]:
        """The object that `fieldsync import sfdx --json` prints."""
        return {
            "objects": self.objects,
            "fields": self.fields,
            "rules": self.validation_rules,
            "roll_ups": self.roll_ups,
            "list_views": self.list_views,
            "value_sets": self.value_sets,
            "profiles": self.profiles,
            "permission_sets": self.permission_sets,
            "not_supported": _plain(self.of(Level.UNSUPPORTED, Level.ERROR)),
            "ignored": _plain(self.of(Level.IGNORED)),
        }


@dataclass
class Notes:
    """Issues as they are found. The same element of the same file is noted once."""

    found: dict[Issue, None] = field(default_factory=dict)

    def add(self, file: str, element: str, reason: str, level: Level) -> None:
        """Note one issue."""
        self.found.setdefault(Issue(file, element, reason, level))

    def sorted(self) -> tuple[Issue, ...]:
        """All issues by file and element."""
        return tuple(sorted(self.found))


def _plain(issues: Iterable[Issue]) -> list[dict[str, str]]:
    return [{"file": issue.file, "element": issue.element, "reason": issue.reason} for issue in issues]
