"""Reading a Salesforce DX project into a pack: objects, fields, value sets, rules, profiles, permission sets.

`importing.py` holds the whole order. Nothing is dropped silently: what is read but not taken over stands in the
report, by file and element. Only files are read here; an org is never asked.
"""

from fieldsync.schema.sfdx.importing import ImportResult, read
from fieldsync.schema.sfdx.report import Issue, Level, Report

__all__ = ["ImportResult", "Issue", "Level", "Report", "read"]
