"""The settings that devices follow: told when a person signs in, and with every download after it (FEATURES J23)."""

from __future__ import annotations

from collections.abc import Sequence

from fieldsync.base import limits
from fieldsync.protocol.session import Settings

NAMES = (
    *("Poll_Seconds", "Items_Per_Transaction_Max", "Overdue_Days", "Days_Offline_Max"),
    *("Off_Wifi_Megabytes_Max", "Idle_Minutes_Max", "Send_Retries_Max", "Related_Record_Names", "Nightly_Sync"),
)
"""In the order in which `settings_of` takes their values."""


def settings_of(values: Sequence[str | None], *, detailed_log: bool) -> Settings:
    """What a device is told; a value that is no number sets nothing. Pure."""
    *numbers, names, nightly = values
    poll, items, overdue, offline, off_wifi, idle, retries = (
        int(value) if value and value.isascii() and value.isdecimal() else None for value in numbers
    )
    return Settings(
        poll_seconds=float(limits.POLL_SECONDS if poll is None else poll),
        heartbeat_seconds=float(limits.HEARTBEAT_SECONDS),
        items_per_transaction=items or limits.TRANSACTION_ITEMS_MAX,
        overdue_days=limits.OVERDUE_DAYS if overdue is None else overdue,
        offline_days=limits.OFFLINE_DAYS if offline is None else offline,
        off_wifi_megabytes=off_wifi or limits.OFF_WIFI_MEGABYTES,
        idle_minutes=idle or limits.IDLE_MINUTES,
        send_retries=limits.SEND_RETRIES if retries is None else retries,
        related_record_names=names == "true",
        nightly=nightly == "true",
        detailed_log=detailed_log,
    )
