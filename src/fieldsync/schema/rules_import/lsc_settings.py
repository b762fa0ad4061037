"""Mobile and processor settings of Life Sciences Cloud as sync settings: a table, and what it does not hold is told.

The names of `SyncTransactionConfig` and of `NumberOfRetryAttempts` stand in published configuration. The processor's
other four settings are published as labels only, so records that hold them are told by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from fieldsync.schema.rules_import.lsc_record import ConfigRecord, Value
from fieldsync.schema.rules_import.lsc_rules import profiles_of
from fieldsync.schema.rules_import.report import Level, Reading, ReadSetting
from fieldsync.schema.rules_import.sync_setting import SETTINGS, SyncSetting

TAKEN: Mapping[str, Mapping[str, str]] = {
    "SyncTransactionConfig": {
        "IsRelatedRecordRetrieve": "Related_Record_Names",
        "MobileNonWifiDataLimitInMegabytes": "Off_Wifi_Megabytes_Max",
        "MobileOfflineDaysLimit": "Days_Offline_Max",
        "MobileTimeoutPeriodInMinutes": "Idle_Minutes_Max",
        "NumberOfItemsPerTransaction": "Items_Per_Transaction_Max",
        "MobileNumberOfSendRetries": "Send_Retries_Max",
    },
    "SyncProcessorConfiguration": {"NumberOfRetryAttempts": "Processor_Retries_Max"},
}
"""Category and field to our setting."""
_OFF: Mapping[str, str] = {
    "EnableBackgroundMDProcessing": "metadata is processed in the background only where a sync asks for it",
    "EnableMDOnInactiveApp": "metadata is not fetched while the app is not in use",
}
"""Fields that say here what they say when they are false."""


def read_settings(record: ConfigRecord, reading: Reading) -> None:
    """The settings of one record, for the org and for each profile."""
    if not record.active:
        reading.note(record.place, "isActive", "settings that are not active are not taken over")
        return
    profiles = list(profiles_of(record, reading))
    for name, value in record.values.items():
        taken = TAKEN[record.category].get(name)
        if taken is None:
            _tell(record, name, value, reading)
        elif value is not None:
            _take(record, name, value, taken, profiles, reading)


def _tell(record: ConfigRecord, name: str, value: Value, reading: Reading) -> None:
    if name in _OFF and value in (False, None):
        reading.note(record.place, name, _OFF[name], Level.IGNORED)
    elif value is not None:
        reading.note(record.place, name, f"this setting ({_shown(value)}) has no meaning here")


def _take(
    record: ConfigRecord, name: str, value: Value, taken: str, profiles: list[str | None], reading: Reading
) -> None:
    kind, shown = SETTINGS[taken], _shown(value)
    fault = kind.fault(shown)
    if fault is not None:
        reading.note(record.place, name, fault, Level.ERROR)
        return
    for profile in profiles:
        setting = SyncSetting(
            setting=taken, value=shown, profile=profile, group=kind.group, unit=kind.unit, description=kind.means
        )
        reading.settings.append(ReadSetting(setting, record.place))


def _shown(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
