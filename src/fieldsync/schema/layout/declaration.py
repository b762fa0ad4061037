"""What an object declares about its pages: sections of fields, details entered with the record, related lists.

Frozen values. What a page looks like where nothing is declared is worked out by who shows it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fieldsync.schema.noun import Noun


class LayoutSection(Noun, frozen=True):
    """Fields under one heading, in the order in which they are entered."""

    label: str
    fields: tuple[str, ...]
    offers: dict[str, str] = msgspec.field(default_factory=dict)
    """Lookup to the list view of its object that says which records may be chosen."""


class LayoutLines(Noun, frozen=True):
    """Details that are entered on the page of their master, and saved with it."""

    object: str
    fields: tuple[str, ...]
    label: str | None = None
    """The heading; the object's plural when absent."""
    one: str | None = None
    """What one line is called on the page, in small letters: `a product`."""
    offers: dict[str, str] = msgspec.field(default_factory=dict)
    """As of a section."""


class PageLayout(Noun, frozen=True):
    """One layout. Without record types it is for every one, without profiles for everybody."""

    name: str
    sections: tuple[LayoutSection, ...] = ()
    lines: tuple[LayoutLines, ...] = ()
    related: tuple[str, ...] | None = None
    """Names of the lists of child records to show, in order; absent: all of them."""
    read_only: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    record_types: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


def chosen(layouts: Iterable[PageLayout], profile: str, record_type: str | None) -> PageLayout | None:
    """The layout for a person and a record: the one that names most of both; of equals the first."""
    fit = [
        one
        for one in layouts
        if (not one.profiles or profile in one.profiles) and (not one.record_types or record_type in one.record_types)
    ]
    return max(fit, key=lambda one: 2 * bool(one.record_types) + bool(one.profiles), default=None)
