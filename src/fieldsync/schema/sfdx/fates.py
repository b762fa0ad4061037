"""What becomes of the elements that an import does not take over, and why: one visible table for each kind.

`ignored`: it does not matter to data and sync. `unsupported`: it would, and is not taken over.
"""

from __future__ import annotations

from collections.abc import Iterable

from fieldsync.schema.sfdx.document import Fates
from fieldsync.schema.sfdx.report import Level


def _all(level: Level, reason: str, names: str | Iterable[str]) -> dict[str, tuple[Level, str]]:
    return dict.fromkeys(names.split() if isinstance(names, str) else names, (level, reason))


_IGNORED, _UNSUPPORTED = Level.IGNORED, Level.UNSUPPORTED
_TRACKING = "every change of every field is kept in the journal; there is no switch for it"
_LOOKS = "it says how pages look, not what is stored"
_GOVERNANCE = "a remark on how the data is classified; nothing depends on it"
_PACKAGING = "it concerns packaging on the other platform"
_SWITCH = "a service of the other platform is switched on or off"
_PAGES = "page layouts and what belongs to them are not read"
_PLATFORM_STATE = "the other platform's own state of the object"

FIELD: Fates = {
    **_all(_IGNORED, _TRACKING, "trackHistory trackFeedHistory trackTrending"),
    **_all(_IGNORED, _LOOKS, "visibleLines displayLocationInDecimal relationshipLabel isAIPredictionField stripMarkup"),
    **_all(_IGNORED, _GOVERNANCE, "businessOwnerGroup businessOwnerUser businessStatus complianceGroup"),
    **_all(_IGNORED, _GOVERNANCE, "securityClassification"),
    **_all(_IGNORED, _PACKAGING, "deprecated fieldManageability"),
    **_all(_IGNORED, "only tells the other platform to fill existing rows once", "populateExistingRows"),
    **_all(_IGNORED, "filters and sorts work on every field", "isFilteringDisabled isSortingDisabled"),
    **_all(_IGNORED, "which field is the name is said by the object", "isNameField"),
    **_all(_IGNORED, "details follow the sharing of their master for reading and writing", "writeRequiresMasterRead"),
    **_all(_UNSUPPORTED, "filters on lookups are not applied", "lookupFilter"),
    **_all(_UNSUPPORTED, "a detail can be moved to another master, whatever this says", "reparentableMasterDetail"),
    **_all(_UNSUPPORTED, "values encrypted for display are not supported", "encryptionScheme maskChar maskType"),
    **_all(_UNSUPPORTED, "fields that depend on another system or on metadata are not supported",
           "externalDeveloperName referenceTargetField metadataRelationshipControllingField"),
    **_all(_UNSUPPORTED, "markup is kept as it is, it is not converted", "convertToMarkup"),
}  # fmt: skip

VALUE_SET_OF_FIELD: Fates = {
    **_all(_UNSUPPORTED, "dependent values of this older form are not read", "controllingField valueSettings"),
}

RECORD_TYPE: Fates = {
    **_all(_IGNORED, "it says how pages look, not what is stored", "compactLayoutAssignment"),
    **_all(_UNSUPPORTED, "there are no sales, support and solution processes", "businessProcess"),
}

VALUE: Fates = {
    **_all(_IGNORED, _LOOKS, "color description"),
    **_all(_UNSUPPORTED, "only the value itself is kept", "allowEmail closed converted cssExposed forecastCategory"
           " highPriority probability reverseRole reviewed won controllingFieldValues groupingString"),
}  # fmt: skip

VALUE_SET: Fates = {**_all(_IGNORED, "a remark; value sets have none", "description groupingStringEnum")}

LIST_VIEW: Fates = {
    **_all(_IGNORED, _LOOKS, "language"),
    **_all(_UNSUPPORTED, "list views are open to everybody", "sharedTo"),
    **_all(_UNSUPPORTED, "there are no divisions and queues", "division queue"),
}

VALIDATION_RULE: Fates = {**_all(_IGNORED, "rules always run", "shouldRespectFlow")}

NAME_FIELD: Fates = {**FIELD}

OBJECT: Fates = {
    **_all(_IGNORED, _LOOKS, "actionOverrides compactLayoutAssignment searchLayouts iconFamily customHelp"
           " customHelpPage startsWith gender articleTypeChannelDisplay profileSearchLayouts"),
    **_all(_IGNORED, _SWITCH, "allowInChatterGroups enableActivities enableBulkApi enableChangeDataCapture"
           " enableDivisions enableEnhancedLookup enableFeeds enableHistory enableLicensing enableReports"
           " enableSearch enableSharing enableStreamingApi enableDataTranslation enableEngagement"
           " historyRetentionPolicy publishBehavior eventType recordTypeTrackFeedHistory"
           " recordTypeTrackHistory householdEnabled"),
    **_all(_IGNORED, _PACKAGING, "deprecated visibility"),
    **_all(_IGNORED, _PLATFORM_STATE, "deploymentStatus fullName"),
    **_all(_IGNORED, "there are no users from outside the org", "externalSharingModel"),
    **_all(_UNSUPPORTED, "there are no sales, support and solution processes", "businessProcesses"),
    **_all(_UNSUPPORTED, _PAGES, "compactLayouts fieldSets webLinks"),
    **_all(_UNSUPPORTED, "sharing beyond the sharing model is not read", "sharingReasons sharingRecalculations"),
    **_all(_UNSUPPORTED, "only objects whose rows are kept here are supported", "externalDataSource externalName"
           " externalRepository externalIndexed"),
    **_all(_UNSUPPORTED, "indexes over several fields are not supported", "indexes dataStewardGroup dataStewardUser"),
}  # fmt: skip

STANDARD_OBJECT: Fates = {
    **OBJECT,
    **_all(_IGNORED, "the object itself stays as fieldsync defines it", "label pluralLabel nameField sharingModel"
           " description"),
}  # fmt: skip

GRANTS: Fates = {
    **_all(_IGNORED, "there are no licences", "userLicense license"),
    **_all(_IGNORED, "every profile and permission set of a pack is the org's own", "custom fullName"),
    **_all(_UNSUPPORTED, "sign-in is not limited by hour or address", "loginHours loginIpRanges loginFlows"),
}  # fmt: skip

GRANTS_SWITCHES = {
    "hasActivationRequired": "a permission set counts from the moment it is assigned",
    "personAccountDefault": "there are no person accounts",
    "viewAllFields": "fields are opened one by one",
}
"""Switches within them that matter only where they are on."""
_CODE = "there is no program code that could be opened"
GRANTS_PARTS: dict[str, tuple[str, str]] = {
    "tabVisibilities": ("tab", _PAGES),
    "tabSettings": ("tab", _PAGES),
    "applicationVisibilities": ("application", "there are no apps to choose between"),
    "layoutAssignments": ("layout", _PAGES),
    "profileActionOverrides": ("actionName", _PAGES),
    "pageAccesses": ("apexPage", _CODE),
    "classAccesses": ("apexClass", _CODE),
    "flowAccesses": ("flow", "flows are not read"),
    "customPermissions": ("name", "custom permissions are not read"),
    "customMetadataTypeAccesses": ("name", "custom metadata types are not supported"),
    "customSettingAccesses": ("name", "custom settings are not supported"),
    "externalDataSourceAccesses": ("externalDataSource", "only objects whose rows are kept here are supported"),
    "externalCredentialPrincipalAccesses": ("externalCredentialPrincipal", "there are no external credentials"),
    "emailRoutingAddressAccesses": ("name", "no e-mail is read"),
    "categoryGroupVisibilities": ("dataCategoryGroup", "articles are not supported"),
    "agentAccesses": ("agentName", "there are no agents"),
}
"""Parts of profiles and permission sets that open nothing here: the child that names each, and why."""

FILE_KINDS: dict[str, str] = {
    "businessProcess": "there are no sales, support and solution processes",
    "layout": _PAGES,
    "compactLayout": _PAGES,
    "fieldSet": _PAGES,
    "webLink": _PAGES,
    "flexipage": _PAGES,
    "tab": _PAGES,
    "app": _PAGES,
    "quickAction": _PAGES,
    "permissionsetgroup": "groups of permission sets are not read",
    "mutingpermissionset": "groups of permission sets are not read",
    "customPermission": "custom permissions are not read",
    "sharingReason": "sharing beyond the sharing model is not read",
    "sharingRules": "sharing beyond the sharing model is not read",
    "index": "indexes over several fields are not supported",
    "flow": "flows are not read",
    "flowDefinition": "flows are not read",
    "workflow": "workflow rules are not read",
    "approvalProcess": "approval processes are not read",
    "cls": "program code is not read",
    "trigger": "program code is not read",
    "page": "program code is not read",
    "component": "program code is not read",
    "js": "program code is not read",
    "html": "program code is not read",
    "css": "program code is not read",
    "md": "custom metadata records are not read",
    "translation": "translations are not read",
    "objectTranslation": "translations are not read",
    "fieldTranslation": "translations are not read",
    "labels": "custom labels are not read",
    "duplicateRule": "duplicate rules are not read",
    "matchingRule": "duplicate rules are not read",
    "topicsForObjects": "topics are not read",
}
"""Kind of file to the reason it is not read. Any other kind gets a sentence of its own."""
