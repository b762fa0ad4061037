"""What a reading gives: rules and settings with the places they came from, and all that was not taken over.

A reader is pure: bytes in, a `Configuration` out. Whether its rules fit an org is for the server to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.rules_import.sync_setting import SyncSetting
from fieldsync.schema.sync_rule import SyncRule

NAMED_MAX = 3
"""Records that are named where many have the same to tell."""


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The source is damaged, contradicts itself or does not fit: nothing is saved."""
    UNSUPPORTED = "unsupported"
    """It has no meaning here and is not taken over."""
    WARNING = "warning"
    """It is taken over, and somebody should look at it."""
    IGNORED = "ignored"
    """It does not matter to what is synchronised."""


@dataclass(frozen=True)
class Place:
    """A record of the source: the file, and what the file calls it."""

    file: str
    record: str

    def __str__(self) -> str:
        return f"{self.record} in {self.file}"


class Finding(msgspec.Struct, frozen=True):
    """One thing to tell. `field` is called as the source calls it. Line and column count from 1: in a condition they
    are a place in its text, else in the file."""

    file: str
    record: str
    field: str
    sentence: str
    level: Level
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class ReadRule:
    """A rule as its source has it. `fields` says how another system calls the attributes it speaks of; a file of ours
    speaks of all by their own names, and has none."""

    rule: SyncRule
    place: Place
    fields: dict[str, str] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    """Fields the source wants on the device whatever happens; here all that are visible go."""


@dataclass(frozen=True)
class ReadSetting:
    """A setting as its source has it."""

    setting: SyncSetting
    place: Place


@dataclass(frozen=True)
class Configuration:
    """Everything of a source, in its order."""

    rules: tuple[ReadRule, ...]
    settings: tuple[ReadSetting, ...]
    findings: tuple[Finding, ...]

    @property
    def conditions(self) -> int:
        """How many rules have a condition."""
        return sum(1 for read in self.rules if (read.rule.where or "").strip())


@dataclass
class Reading:
    """A configuration as it is read."""

    rules: list[ReadRule] = field(default_factory=list)
    settings: list[ReadSetting] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def note(self, place: Place, name: str, sentence: str, level: Level = Level.UNSUPPORTED) -> None:
        """Tell one thing of a record."""
        self.findings.append(Finding(place.file, place.record, name, sentence, level))

    def done(self) -> Configuration:
        """All of it."""
        return Configuration(tuple(self.rules), tuple(self.settings), tuple(self.findings))


def of_level(findings: Iterable[Finding], *levels: Level) -> list[Finding]:
    """The findings of these levels."""
    return [finding for finding in findings if finding.level in levels]


@dataclass(frozen=True)
class Told:
    """What is said in the same words, once: the records, the first of them by name."""

    records: str
    field: str
    place: str
    sentence: str


def told_once(findings: Iterable[Finding]) -> list[Told]:
    """Findings for a person, in their order: one for everything that is said in the same words."""
    same: dict[tuple[str, str, str], list[str]] = {}
    for one in findings:
        same.setdefault((one.field, _place(one), one.sentence), []).append(one.record or one.file)
    return [Told(_named(records), *words) for words, records in same.items()]


def _named(records: list[str]) -> str:
    more = len(records) - NAMED_MAX
    return ", ".join(records[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _place(finding: Finding) -> str:
    if finding.line is None:
        return ""
    return f"line {finding.line}" + ("" if finding.column is None else f", column {finding.column}")


def unusable(what: str, reason: str) -> Refused:
    """The refusal of a whole source."""
    return Refused(problem(Code.UNUSABLE, what=what, reason=reason))
