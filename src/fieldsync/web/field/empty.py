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
    if (closed := _closed(facts)) is not None:
        return closed
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


def why_of_one(facts: Facts, owner: str, create: str) -> Empty:
    """Of a list on the page of one record, whose name is `owner`."""
    if (closed := _closed(facts)) is not None:
        return closed
    said = _("%(owner)s has no %(plural)s on this device: either there are none, or none is selected for you.")
    said %= {"owner": owner, "plural": facts.plural}
    if facts.creatable:
        return Empty(said, _("Make the first one, or sync to see whether others came."), _("New"), create)
    do = _("Sync to see whether some came; if you miss any, ask your admin about the sync rules.")
    return Empty(said, do, _("Go to Sync"), "/sync")


def why_of_days(facts: Facts) -> Empty:
    """Of the calendar, by the facts of calls."""
    if (closed := _closed(facts)) is not None:
        return closed
    said = _("Nothing is planned in these days.")
    return Empty(
        said, _("Open an account to plan a call, or sync to see whether some came."), _("Accounts"), "/accounts"
    )


def _closed(facts: Facts) -> Empty | None:
    """What keeps everything away, whatever is asked for."""
    if not facts.readable:
        said = _("Your profile does not open %(plural)s to you.") % {"plural": facts.plural}
        return Empty(said, _("Ask your admin if you need them."))
    if not facts.synced:
        said = _("Nothing was downloaded to this device yet.")
        return Empty(said, _("A sync brings what you work with."), _("Go to Sync"), "/sync")
    return None


def _not_found(facts: Facts, home: str) -> Empty:
    said = _("Nothing on this device matches “%(text)s”.") % {"text": facts.search}
    if facts.view:
        return Empty(said, _("The list shows only some of the records."), _("Search all"), home)
    if facts.online:
        return Empty(said, _("Try fewer letters, or look online."), _("Search online"), "/search")
    return Empty(said, _("Try fewer letters."), _("Show all"), home)
