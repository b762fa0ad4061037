"""Our own JSON of an org's sync rules and settings (FEATURES A36): written in one stable order, read strictly.

    {"format": "fieldsync sync configuration", "version": 1, "rules": [...], "settings": [...]}

Attributes are those of `SyncRule` and `SyncSetting`; what has its default is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from fieldsync.schema.noun import Noun
from fieldsync.schema.rules_import.json_text import json_value
from fieldsync.schema.rules_import.report import (
    Configuration,
    Level,
    Place,
    Reading,
    ReadRule,
    ReadSetting,
    unusable,
)
from fieldsync.schema.rules_import.sync_setting import SyncSetting
from fieldsync.schema.sync_rule import SyncRule

FORMAT, VERSION = "fieldsync sync configuration", 1
N = TypeVar("N", bound=Noun)


def write_own(rules: Iterable[SyncRule], settings: Iterable[SyncSetting]) -> bytes:
    """The file: the same rules and settings give the same bytes, whatever their order."""
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "rules": [msgspec.to_builtins(rule) for rule in sorted(rules, key=lambda rule: rule.key)],
        "settings": [msgspec.to_builtins(one) for one in sorted(settings, key=lambda one: one.key)],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def read_own(data: bytes, file: str) -> Configuration:
    """What a file of ours holds. Raises Refused(UNUSABLE) for anything else."""
    whole = json_value(data, file)
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise unusable(file, f"it does not say that its format is {FORMAT}")
    if whole.get("version") != VERSION:
        raise unusable(file, f"its version is not {VERSION}")
    unknown = sorted(whole.keys() - {"format", "version", "rules", "settings"})
    if unknown:
        raise unusable(file, f"it has the unknown key {unknown[0]}")
    reading = Reading()
    rules = _nouns(whole, "rules", SyncRule, file, reading)
    settings = _nouns(whole, "settings", SyncSetting, file, reading)
    reading.rules = [ReadRule(rule, place) for rule, place in rules]
    reading.settings = [ReadSetting(setting, place) for setting, place in settings]
    return reading.done()


def _nouns(whole: dict[str, Any], key: str, noun: type[N], file: str, reading: Reading) -> list[tuple[N, Place]]:
    given, found = whole.get(key, []), []
    if not isinstance(given, list):
        raise unusable(file, f"{key} is no list")
    for number, one in enumerate(given, 1):
        place = Place(file, f"{key[:-1]} {number}")
        try:
            found.append((msgspec.convert(one, noun), place))
        except msgspec.ValidationError as bad:
            reading.note(place, "", str(bad), Level.ERROR)
    return found
