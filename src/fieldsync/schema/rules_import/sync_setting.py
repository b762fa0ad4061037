"""A sync setting: one value for the whole org or for one profile (FEATURES J23), and the settings the product knows.

Kept as a record of `Sync_Setting`. What a device follows takes effect with its next download.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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
    """What a setting may be. Without bounds it is `true` or `false`."""

    group: SettingGroup
    means: str
    unit: str | None = None
    least: int | None = None
    most: int | None = None
    followed: bool = True
    """Whether anything follows it. Others are kept, as another system had them, for the part that is still to come."""

    def fault(self, value: str) -> str | None:
        """Why the value is not one for this setting; None when it is."""
        if self.least is None or self.most is None:
            return None if value in ("true", "false") else f"{value} is neither true nor false"
        if value.isascii() and value.isdecimal() and len(value) < 10 and self.least <= int(value) <= self.most:
            return None
        return f"{value} is no whole number from {self.least} to {self.most}"


_MOBILE, _PROCESSOR, _FEED = SettingGroup.MOBILE, SettingGroup.PROCESSOR, SettingGroup.FEED

SETTINGS: Mapping[str, SettingKind] = {
    "Related_Record_Names": SettingKind(
        _MOBILE, "names of related records that are out of reach are shown, read-only", followed=False
    ),
    "Off_Wifi_Megabytes_Max": SettingKind(_MOBILE, "download off Wi-Fi before a person is warned", "MB", 1, 100_000),
    "Days_Offline_Max": SettingKind(_MOBILE, "days without a sync before a full one is due", "days", 1, 365),
    "Overdue_Days": SettingKind(
        _MOBILE, "days that edits may wait before the widget is red; 0 is never", "days", 0, 365
    ),
    "Idle_Minutes_Max": SettingKind(_MOBILE, "minutes without a touch before the PIN screen", "minutes", 1, 1_440),
    "Items_Per_Transaction_Max": SettingKind(_MOBILE, "records that travel in one part of a save", "records", 1, 2_000),
    "Send_Retries_Max": SettingKind(_MOBILE, "how often a device sends again before it tells", "times", 0, 100),
    "Accounts_Max": SettingKind(_MOBILE, "accounts on one device; more end its sync", "accounts", 1, 999_999_999),
    "Rows_Max": SettingKind(_MOBILE, "rows of all objects on one device; more end its sync", "rows", 1, 999_999_999),
    "Deferred_Processing": SettingKind(_PROCESSOR, "what a device sends is taken at once and processed by a job"),
    "Group_Items": SettingKind(_PROCESSOR, "records of a transaction that belong together are processed together"),
    "Cancel_Deletes_Of_Deleted": SettingKind(_PROCESSOR, "deleting what is deleted already counts as done"),
    "Cancel_Updates_Of_Missing": SettingKind(_PROCESSOR, "changes of what is gone are cancelled instead of failing"),
    "Retry_Locked": SettingKind(_PROCESSOR, "what another save holds is tried until there is another result"),
    "Step_Log": SettingKind(_PROCESSOR, "what each step of processing did is noted with the transaction"),
    "Processor_Retries_Max": SettingKind(_PROCESSOR, "how often a transaction is tried again", "times", 0, 100),
    "Recovery_Window_Minutes": SettingKind(
        _PROCESSOR, "minutes after a restore in which devices' lost saves only gather", "minutes", 0, 10_080
    ),
    "Feed_Days": SettingKind(_FEED, "days that a person's saves wait for his other devices", "days", 1, 30),
    "Poll_Seconds": SettingKind(
        _FEED, "pause between two looks for news, where no stream is open", "seconds", 5, 3_600
    ),
}
"""The settings of FEATURES J23, the caps of A28 and A29, the feed's of C07 and C08; packs and customers may have others
beside them."""
