"""What a root declares about its family: how conflicts end, and what submitting it means. Frozen values."""

from __future__ import annotations

from enum import StrEnum

from fieldsync.schema.noun import Noun


class EditedElsewhere(StrEnum):
    """What becomes of edits to a root that was submitted on another device in the meantime."""

    DUPLICATE = "duplicate"
    DISCARD = "discard"


class Duplication(Noun, frozen=True):
    """How a duplicate of a submitted root is made: names of the root's own fields, and what its state is."""

    status: str
    """The value of the submit field; the duplicate is not submitted."""
    original: str
    """The lookup on the duplicate that names the original."""
    link: str
    """The lookup on the original that names its newest duplicate."""
    reason: str
    """The text on both that says why."""
    without: tuple[str, ...] = ()
    """Fields a duplicate begins without, a signature's date for one. Base64 fields are never taken over."""


class Submit(Noun, frozen=True):
    """When a family root counts as submitted: `field` holds `value`."""

    field: str
    value: str
    when_edited_elsewhere: EditedElsewhere
    duplicate: Duplication | None = None
    """Of `duplicate`: how the two are linked. Absent: the duplicate has the field's default and no links."""
    unlocked: str | None = None
    """Checkbox of the root; while an admin has set it, the submitted family can be changed."""
    override: str | None = None
    """Checkbox of the root; a save of an integration user that sets it may change the submitted family once."""
    date: str | None = None
    """Date or time of what is submitted: never in the future, and not too long ago."""
    backdate_days: int | None = None
    """How many days ago `date` may be when it is submitted; the setting `<Object>_Backdate_Days` counts before it."""


class FamilyConflict(StrEnum):
    """How a family treats a changed old value: `override` keeps theirs in the journal, `error` refuses."""

    OVERRIDE = "override"
    ERROR = "error"


class FamilyDeclaration(Noun, frozen=True):
    """Declared on the root object: its details travel with it as one transaction."""

    conflict: FamilyConflict = FamilyConflict.OVERRIDE
    submit: Submit | None = None
