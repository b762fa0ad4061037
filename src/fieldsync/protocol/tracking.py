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
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
SyncType = Literal["initial", "incremental", "non_blocking", "full_refresh", "upload_only", "mini", "media"]
Trigger = Literal["Initial", "Manual", "Days Offline Limit", "First of Day", "Forced", "Territory Switch"]


class TrackedSync(msgspec.Struct, frozen=True):
    """One sync that ended. Times by the device's clock; durations in seconds. `failed` names what was refused."""

    number: Count
    type: SyncType
    trigger: Trigger
    started_at: Moment
    ended_at: Moment
    seconds: Count
    upload_seconds: Count = 0
    download_seconds: Count = 0
    apply_seconds: Count = 0
    successful: bool = False
    canceled: bool = False
    upload_processed: bool = False
    download_processed: bool = False
    uploads: Count = 0
    upload_errors: Count = 0
    rows_received: Count = 0
    rows_removed: Count = 0
    rows_repaired: Count = 0
    verified: bool | None = None
    retries: Count = 0
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


class Tracking(msgspec.Struct, frozen=True):
    """Syncs that the server has not been told of, the oldest first."""

    standing: Standing
    syncs: Annotated[tuple[TrackedSync, ...], msgspec.Meta(max_length=limits.TRACKING_SYNCS_MAX)] = ()


class Tracked(msgspec.Struct, frozen=True):
    """The number of the last one that is kept."""

    through: int
