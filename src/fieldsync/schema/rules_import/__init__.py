"""Reading the sync configuration of other systems, and our own as JSON, into sync rules and settings.

Readers are pure and ask no org: what has no counterpart here is told by file, record and field, never guessed and never
dropped silently. `server.configuration` says whether a rule fits an org, and saves.
"""

from fieldsync.schema.rules_import.brought import read_brought
from fieldsync.schema.rules_import.lsc import read_lsc
from fieldsync.schema.rules_import.own import read_own, write_own
from fieldsync.schema.rules_import.report import (
    Configuration,
    Finding,
    Level,
    ReadRule,
    ReadSetting,
    Told,
    of_level,
    told_once,
)
from fieldsync.schema.rules_import.vmoc import read_vmoc

__all__ = [
    "Configuration",
    "Finding",
    "Level",
    "ReadRule",
    "ReadSetting",
    "Told",
    "of_level",
    "read_brought",
    "read_lsc",
    "read_own",
    "read_vmoc",
    "told_once",
    "write_own",
]
