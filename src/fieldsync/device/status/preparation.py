"""The Status widget of the non-blocking sync (FEATURES H11), and whether one is due. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldsync.base.problems import Problem


class PreparationState(StrEnum):
    """The five states."""

    IDLE = "idle"
    RUNNING = "running"
    READY = "ready"
    APPLYING = "applying"
    FAILED = "failed"


@dataclass(frozen=True)
class Preparation:
    """What the widget shows. `rows`: received so far, or ready; `percent`: of an update that is being applied."""

    state: PreparationState
    rows: int = 0
    removed: int = 0
    percent: int = 0
    problem: Problem | None = None


@dataclass(frozen=True)
class PreparationFacts:
    """Everything it depends on."""

    active: bool = False
    applying: bool = False
    ready: tuple[int, int] | None = None
    """Rows and removals of the update that lies ready."""
    rows: int = 0
    done: tuple[int, int] = (0, 0)
    problem: Problem | None = None


def preparation(facts: PreparationFacts) -> Preparation:
    """The widget for these facts."""
    if facts.applying:
        done, total = facts.done
        return Preparation(PreparationState.APPLYING, total, percent=100 * done // total if total else 0)
    if facts.active:
        return Preparation(PreparationState.RUNNING, facts.rows)
    if facts.ready is not None:
        return Preparation(PreparationState.READY, *facts.ready)
    if facts.problem is not None:
        return Preparation(PreparationState.FAILED, problem=facts.problem)
    return Preparation(PreparationState.IDLE)


def is_due(last_started: str | None, now: datetime, zone: str) -> bool:
    """Whether the first opening of the day starts one (E05): no download was begun yet on this day of the person's.

    None: there was never one, so the first is not a non-blocking one.
    """
    if last_started is None:
        return False
    try:
        here = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        here = ZoneInfo("UTC")
    return datetime.fromisoformat(last_started).astimezone(here).date() < now.astimezone(here).date()
