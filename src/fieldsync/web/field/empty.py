"""Why a list is empty, and what to do about it. Pure: facts in, a sentence and a way out."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.web.kit.tongue import _, ngettext


@dataclass(frozen=True)
class Facts:
    """Everything it depends on."""

    plural: str
    synced: bool
    """Whether a download ever ended on this device."""
    readable: bool
    creatable: bool
    search: str = ""
    view: str = ""
    """Label of the list view that is shown."""
    here: int = 0
    """How many records of the object are on this device."""
    online: bool = False
    """Whether one may look for more of them online."""


@dataclass(frozen=True)
class Empty:
    """What the page says; `act` is what the way out is called, `to` where it leads: empty, where there is none."""

    why: str
    do: str = ""
    act: str = ""
    to: str = ""


def why(facts: Facts, home: str, create: str) -> Empty:
    """`home`: where all of the object's records are listed; `create`: where one is made."""
    if not facts.readable:
        said = _("Your profile does not open %(plural)s to you.") % {"plural": facts.plural}
        return Empty(said, _("Ask your admin if you need them."))
    if not facts.synced:
        said = _("Nothing was downloaded to this device yet.")
        return Empty(said, _("A sync brings what you work with."), _("Go to Sync"), "/sync")
    if facts.search:
        return _not_found(facts, home)
    if facts.view and facts.here:
        said = _("No record meets the conditions of the list “%(list)s” now.") % {"list": facts.view}
        other = ngettext("%(n)s is on this device.", "%(n)s are on this device.", facts.here) % {"n": facts.here}
        return Empty(said, other, _("Show all"), home)
    said = _("There are no %(plural)s on this device: either there are none, or none is selected for you.")
    if facts.creatable:
        do = _("Make the first one, or sync to see whether others came.")
        return Empty(said % {"plural": facts.plural}, do, _("New"), create)
    do = _("Sync to see whether some came; if you miss any, ask your admin about the sync rules.")
    return Empty(said % {"plural": facts.plural}, do, _("Go to Sync"), "/sync")


def _not_found(facts: Facts, home: str) -> Empty:
    said = _("Nothing on this device matches “%(text)s”.") % {"text": facts.search}
    if facts.view:
        return Empty(said, _("The list shows only some of the records."), _("Search all"), home)
    if facts.online:
        return Empty(said, _("Try fewer letters, or look online."), _("Search online"), "/search")
    return Empty(said, _("Try fewer letters."), _("Show all"), home)
