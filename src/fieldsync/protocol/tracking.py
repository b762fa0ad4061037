"""What a device says of the syncs it ran and of how it stands (FEATURES I01 to I11, I15).

`POST /sync/v1/tracking` takes `Tracking` and answers `Tracked`. A sync that is told again is the same record. Nothing
of a sync depends on it: a device that cannot tell now tells with its next sync.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId

Count = Annotated[int, msgspec.Meta(ge=0, le=999_999_999)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999_999)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
SyncType = Literal["initial", "incremental", "non_blocking", "full_refresh", "upload_only", "mini", "media"]
Network = Literal["wifi", "cellular", "wired", "none", "unknown"]
LogLevel = Literal["detail", "info", "warning", "error"]
Trigger = Literal["Initial", "Manual", "Days Offline Limit", "First of Day", "Forced", "Territory Switch", "Idle"]


PHASES = ("upload_seconds", "metadata_seconds", "download_seconds", "apply_seconds", "media_seconds")
DURATIONS = ("seconds", *PHASES, "freeze_seconds")


def exactly(name: str) -> str:
    """The member that has this duration in milliseconds. Pure."""
    return f"{name.removesuffix('seconds')}milliseconds"


class TrackedSync(msgspec.Struct, frozen=True):
    """One sync that ended. Times by the device's clock. Each duration comes in whole seconds, and in milliseconds but
    from devices of an earlier version."""

    number: Count
    type: SyncType
    trigger: Trigger
    started_at: Moment
    ended_at: Moment
    seconds: Count
    upload_seconds: Count = 0
    download_seconds: Count = 0
    apply_seconds: Count = 0
    metadata_seconds: Count = 0
    media_seconds: Count = 0
    freeze_seconds: Count = 0
    """Part of `seconds`: it waited because the app was not in front."""
    milliseconds: Milliseconds | None = None
    upload_milliseconds: Milliseconds | None = None
    download_milliseconds: Milliseconds | None = None
    apply_milliseconds: Milliseconds | None = None
    metadata_milliseconds: Milliseconds | None = None
    media_milliseconds: Milliseconds | None = None
    freeze_milliseconds: Milliseconds | None = None
    successful: bool = False
    canceled: bool = False
    upload_processed: bool = False
    download_processed: bool = False
    uploads: Count = 0
    records_up: Count = 0
    upload_errors: Count = 0
    rows_received: Count = 0
    rows_created: Count = 0
    rows_updated: Count = 0
    rows_removed: Count = 0
    rows_repaired: Count = 0
    verified: bool | None = None
    bytes_up: Bytes = 0
    bytes_down: Bytes = 0
    """Of bodies, before they are compressed."""
    retries: Count = 0
    network: Network = "unknown"
    """Over what it began; off Wi-Fi that is told as cellular."""
    app_version: Annotated[str, msgspec.Meta(max_length=200)] = ""
    problem_code: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    problem_message: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None


class Standing(msgspec.Struct, frozen=True):
    """How the device stands at `at`, by its own clock: saves that wait, since when the oldest, and open errors."""

    at: Moment
    pending: Count = 0
    errors: Count = 0
    oldest_pending_at: Moment | None = None
    failed: Annotated[tuple[RecordId, ...], msgspec.Meta(max_length=limits.FAILED_LISTED_MAX)] = ()
    """Records of open errors; the others are a number."""
    failed_not_listed: Count = 0


class LogLine(msgspec.Struct, frozen=True):
    """One line of the device's own log, by its clock. No line holds a field's value or a secret."""

    number: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    """A device never gives one twice."""
    at: Moment
    level: LogLevel
    text: Annotated[str, msgspec.Meta(max_length=limits.LOG_LINE_CHARS_MAX)]


class Tracking(msgspec.Struct, frozen=True):
    """Syncs and lines of the log that the server has not been told of, the oldest first."""

    standing: Standing
    syncs: Annotated[tuple[TrackedSync, ...], msgspec.Meta(max_length=limits.TRACKING_SYNCS_MAX)] = ()
    log: Annotated[tuple[LogLine, ...], msgspec.Meta(max_length=limits.LOG_LINES_SENT_MAX)] = ()


class Tracked(msgspec.Struct, frozen=True):
    """The numbers of the last sync and the last line that are kept."""

    through: int
    log_through: int = 0
