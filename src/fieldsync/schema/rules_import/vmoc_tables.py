"""How VMOC columns, device codes and types are called, and what they are here: visible tables.

One form for all spellings: `Where_Clause_vod__c`, `where_clause__v` and `WHERE Clause` are `where clause`. The names
that the vendor publishes are `Device_vod`, `Profile_ID_vod`, `Type`, `WHERE clause`, `device__v`, `modified_date__v`,
`application_profile__v` and the labels of its check boxes; the others are those that exported rows carry. A code that
is not in these tables is told, never taken for something like it: `CRM_Engage_vod` is no device here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fieldsync.schema.sync_rule import RuleType

_SUFFIX = re.compile(r"(?:_vod)?(?:__(?:c|v|r|vr))?(?=\.|\Z)")


def plain(name: str) -> str:
    """The one form of a column's name, a device code or a type."""
    words = _SUFFIX.sub("", name.strip().lower()).replace("_", " ")
    return " ".join(words.split())


COLUMNS: Mapping[str, str] = {
    "name": "name",
    "object name": "object",
    "object": "object",
    "device": "device",
    "type": "type",
    "where clause": "where",
    "where": "where",
    "active": "active",
    "status": "status",
    "profile id": "profile_id",
    "security profile": "profile_id",
    "profile name": "profile",
    "profile": "profile",
    "security profile.name": "profile",
    "application profile": "application_profile",
    "application profile.name": "application_profile",
    "enable enhanced sync": "enhanced",
    "enhanced sync": "enhanced",
    "meta data only": "metadata_only",
    "metadata only": "metadata_only",
    "field list": "include_fields",
    "include field list": "include_fields",
    "exclude field list": "exclude_fields",
    "include related objects": "include_related",
    "parent object name": "parent_object",
    "parent object": "parent_object",
    "relationship field": "relationship_field",
    "include attachments": "include_attachments",
    "attachment fields": "attachment_fields",
    "attachment field list": "attachment_fields",
}
"""Column to attribute of a rule; `name` and `status` are read here."""
IGNORED: Mapping[str, str] = dict.fromkeys(
    (
        *("id", "ownerid", "isdeleted", "createddate", "createdbyid", "lastmodifieddate", "lastmodifiedbyid"),
        *("systemmodstamp", "currencyisocode", "recordtypeid", "external id", "global id", "created date"),
        *("created by", "last modified by", "last modified date", "owner"),
    ),
    "every record here has its own",
) | {"modified date": "when a rule was changed is noted by its save here"}
"""Columns that do not matter, and why."""

DEVICES: Mapping[str, str] = {
    "ipad": "iPad",
    "iphone": "iPhone",
    "winmodern": "Windows",
    "windows": "Windows",
    "crm desktop windows": "Windows",
    "android": "Android",
    "crm desktop macos": "Mac",
    "crm desktop mac": "Mac",
    "mac": "Mac",
    "macos": "Mac",
    "browser": "browser",
}
"""Device code to our device type."""

TYPES: Mapping[str, RuleType] = {
    "full object sync": RuleType.FULL,
    "full object": RuleType.FULL,
    "full": RuleType.FULL,
    "top level sync": RuleType.TOP_LEVEL,
    "top level object sync": RuleType.TOP_LEVEL,
    "top level": RuleType.TOP_LEVEL,
    "related to top level sync": RuleType.RELATED,
    "related to top level": RuleType.RELATED,
    "child and parent row sync": RuleType.CHILD_AND_PARENT,
    "child and parent row": RuleType.CHILD_AND_PARENT,
    "metadata only": RuleType.METADATA_ONLY,
}
"""VMOC type, as code or label, to our rule type."""
FLAGS: Mapping[str, bool] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
STATES: Mapping[str, bool] = {"active": True, "inactive": False}
