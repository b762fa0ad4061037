"""Reports of syncs, from their beginning until they are on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from fieldsync.base.version import VERSION
from fieldsync.base.world import Clock, instant
from fieldsync.device.status import report as reports
from fieldsync.device.status.log import Log
from fieldsync.device.status.report import SyncKind, SyncReport, Trigger, level_of, summary
from fieldsync.device.store.connect import if_there_is_room
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.sending.foreground import Foreground
from fieldsync.device.sync.upload import waiting


class Took(NamedTuple):
    """Seconds, and how many of them the data model took."""

    seconds: float
    modelled_seconds: float


class Reporting:
    """Those of one device. What its log has to say goes to disk with them. `carried`: bytes that went up and came down
    since the device was opened."""

    def __init__(
        self, store: Store, log: Log, clock: Clock, foreground: Foreground, carried: Callable[[], tuple[int, int]]
    ) -> None:
        self._store, self._log, self._clock, self._foreground = store, log, clock, foreground
        self._carried = carried
        self._before: dict[int, tuple[int, int, float]] = {}
        """By number, of syncs that run: what was carried when they began, and `_modelled_seconds`."""
        self._modelled_seconds = 0.0
        """What getting the data model took since the device was opened."""
        self._ended: dict[int, SyncReport] = {}
        """Reports of syncs that ended and are not on disk yet."""

    def begin(self, work: Work, kind: SyncKind, trigger: Trigger = Trigger.MANUAL) -> SyncReport:
        """A new report, written before anything else happens."""
        network = self._foreground.network
        self._log.say("sync begins", kind=kind, trigger=trigger, waiting=waiting(work), network=network)
        report = reports.begin(work, kind, instant(self._clock.now()), VERSION, trigger)
        self._before[report.number] = (*self._carried(), self._modelled_seconds)
        return msgspec.structs.replace(report, network=network)

    def end(self, report: SyncReport) -> SyncReport:
        """Keep the report of a sync that ended, with what was carried meanwhile.

        What the sync came to is done: where the disk has no room for the report now, it is kept later.
        """
        report = self.carried(report)
        self._ended[report.number] = report
        self._log.say("sync ended", level_of(report), **summary(report))
        self.keep()
        return report

    def carried(self, report: SyncReport) -> SyncReport:
        """The report with the bytes that went up and came down since its sync began, and what the data model took."""
        before = self._before.pop(report.number, None)
        if before is None:
            return report
        now = (*self._carried(), self._modelled_seconds)
        up, down, seconds = (late - early for late, early in zip(now, before, strict=True))
        return msgspec.structs.replace(report, bytes_up=int(up), bytes_down=int(down), metadata_seconds=seconds)

    def moment(self) -> Took:
        """Now, to ask later with `since`."""
        return Took(self._clock.steady(), self._modelled_seconds)

    def since(self, moment: Took) -> Took:
        """What passed since a moment."""
        return Took(self._clock.steady() - moment.seconds, self._modelled_seconds - moment.modelled_seconds)

    def received(self, report: SyncReport, began: Took, rows: int) -> SyncReport:
        """The report of a sync whose download began at a moment and brought so many rows until now."""
        took = self.since(began)
        return msgspec.structs.replace(
            report,
            download_processed=True,
            seconds=report.seconds + took.seconds,
            download_seconds=took.seconds - took.modelled_seconds,
            rows_received=rows,
        )

    @contextmanager
    def modelling(self) -> Iterator[None]:
        """While the data model is fetched and the database brought to it."""
        began = self._clock.steady()
        try:
            yield
        finally:
            self._modelled_seconds += self._clock.steady() - began

    def keep(self) -> None:
        """Reports that ended, and the lines of the log that are not on disk, as far as there is room."""
        if not self._ended and not self._log.is_due:
            return
        with if_there_is_room():
            with self._store.write() as work:
                kept = dict(self._ended)
                for report in kept.values():
                    reports.keep(work, report)
                taken = self._log.keep(work)
            self._log.kept(taken)
            for number in kept:
                self._ended.pop(number, None)
