"""A sync setting: one value for the whole org or for one profile (FEATURES J23), and the settings the product knows.

Kept as a record of `Sync_Setting`. What a device follows takes effect with its next download.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fieldsync.base import limits
from fieldsync.schema.access.metadata_api import SETTING as GUARD
from fieldsync.schema.access.metadata_api import Guard
from fieldsync.schema.noun import Noun


class SettingGroup(StrEnum):
    """Which part of the product a setting is for."""

    MOBILE = "mobile"
    PROCESSOR = "processor"
    FEED = "feed"
    SECURITY = "security"


class SyncSetting(Noun, frozen=True):
    """One setting. Without a profile it is the org's default."""

    setting: str
    value: str | None = None
    profile: str | None = None
    """Name of the profile."""
    group: SettingGroup | None = None
    unit: str | None = None
    description: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What there may be one value for."""
        return (self.setting, self.profile or "")


@dataclass(frozen=True)
class SettingKind:
    """What a setting may be. Without bounds it is one of `choices`."""

    group: SettingGroup
    means: str
    unit: str | None = None
    least: int | None = None
    most: int | None = None
    usual: str = "false"
    """What counts where nobody set it; words where that is no single value."""
    choices: tuple[str, ...] = ("true", "false")
    """What it may be without bounds."""
    org_only: bool = False
    """Whether profiles cannot have their own."""

    def fault(self, value: str) -> str | None:
        """Why the value is not one for this setting; None when it is."""
        if self.least is None or self.most is None:
            return None if value in self.choices else f"{value} is neither {' nor '.join(self.choices)}"
        if value.isascii() and value.isdecimal() and len(value) < 10 and self.least <= int(value) <= self.most:
            return None
        return f"{value} is no whole number from {self.least} to {self.most}"


_MOBILE, _PROCESSOR, _FEED = SettingGroup.MOBILE, SettingGroup.PROCESSOR, SettingGroup.FEED
_MANY = 999_999_999


def _number(group: SettingGroup, means: str, unit: str, bounds: tuple[int, int], usual: int | str) -> SettingKind:
    return SettingKind(group, means, unit, *bounds, usual=str(usual))


def _switch(group: SettingGroup, means: str, *, usual: bool = False) -> SettingKind:
    return SettingKind(group, means, usual="true" if usual else "false")


SETTINGS: Mapping[str, SettingKind] = {
    "Related_Record_Names": _switch(
        _MOBILE, "names of related records that are not on the device are shown, of those the person may read"
    ),
    "Nightly_Sync": _switch(
        _MOBILE, "an app that is open, plugged in and not in use syncs by itself at about two at night"
    ),
    "Off_Wifi_Megabytes_Max": _number(
        _MOBILE, "download off Wi-Fi before a person is warned", "MB", (1, 100_000), limits.OFF_WIFI_MEGABYTES
    ),
    "Days_Offline_Max": _number(
        _MOBILE, "days without a sync before a full one is due", "days", (1, 365), limits.OFFLINE_DAYS
    ),
    "Overdue_Days": _number(
        _MOBILE, "days that edits may wait before the widget is red; 0 is never", "days", (0, 365), limits.OVERDUE_DAYS
    ),
    "Idle_Minutes_Max": _number(
        _MOBILE, "minutes without a touch before the PIN screen", "minutes", (1, 1_440), limits.IDLE_MINUTES
    ),
    "Items_Per_Transaction_Max": _number(
        _MOBILE, "records that travel in one part of a save", "records", (1, 2_000), limits.TRANSACTION_ITEMS_MAX
    ),
    "Send_Retries_Max": _number(
        _MOBILE, "how often a device sends again before it tells", "times", (0, 100), limits.SEND_RETRIES
    ),
    "Accounts_Max": _number(
        _MOBILE,
        "accounts on one device; more end its sync",
        "accounts",
        (1, _MANY),
        f"{limits.ACCOUNTS_PER_DEVICE_MAX}, or {limits.ACCOUNTS_PER_PHONE_MAX} on a phone",
    ),
    "Rows_Max": _number(
        _MOBILE, "rows of all objects on one device; more end its sync", "rows", (1, _MANY), "no limit"
    ),
    "Deferred_Processing": _switch(_PROCESSOR, "what a device sends is taken at once and processed by a job"),
    "Group_Items": _switch(
        _PROCESSOR, "records of a transaction that belong together are processed together", usual=True
    ),
    "Cancel_Deletes_Of_Deleted": _switch(_PROCESSOR, "deleting what is deleted already counts as done"),
    "Cancel_Updates_Of_Missing": _switch(_PROCESSOR, "changes of what is gone are cancelled instead of failing"),
    "Retry_Locked": _switch(_PROCESSOR, "what another save holds is tried until there is another result", usual=True),
    "Step_Log": _switch(_PROCESSOR, "what each step of processing did is noted with the transaction"),
    "Processor_Retries_Max": _number(
        _PROCESSOR, "how often a transaction is tried again", "times", (0, 100), limits.PROCESSOR_RETRIES_MAX
    ),
    "Recovery_Window_Minutes": _number(
        _PROCESSOR,
        "minutes after a restore in which devices' lost saves only gather",
        "minutes",
        (0, 10_080),
        limits.RECOVERY_WINDOW_MINUTES,
    ),
    "Device_Log_Days": _number(
        _PROCESSOR, "days that what devices logged is kept", "days", (1, 365), limits.LOG_KEEP_DAYS
    ),
    "Feed_Days": _number(
        _FEED, "days that a person's saves wait for his other devices", "days", (1, 30), limits.FEED_RETENTION_DAYS
    ),
    "Poll_Seconds": _number(
        _FEED, "pause between two looks for news, where no stream is open", "seconds", (5, 3_600), limits.POLL_SECONDS
    ),
    GUARD: SettingKind(
        SettingGroup.SECURITY,
        "what becomes of people in the field who may change metadata through the API, on an iPad or iPhone",
        usual=Guard.WARN,
        choices=tuple(Guard),
    ),
}
"""The settings of FEATURES J23, the caps of A28 and A29, the feed's of C07 and C08, the guard of G22; packs and
customers may have others beside them."""


def backdate_kind(root: str, usual: int | None) -> SettingKind:
    """The setting `<root>_Backdate_Days` of a family that is submitted with a date (FEATURES G17)."""
    means = f"how many days ago the date of a {root.replace('_', ' ')} may be when it is submitted"
    said = "no limit" if usual is None else str(usual)
    return SettingKind(_PROCESSOR, means, "days", 0, 3_650, usual=said, org_only=True)
