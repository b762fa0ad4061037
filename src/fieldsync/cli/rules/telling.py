"""What is asked of sync rules, as tables and lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldsync.cli.report import say, show_table

if TYPE_CHECKING:
    from fieldsync.server.oversight.scope.explain import Explained
    from fieldsync.server.oversight.scope.held import Held, Tried
    from fieldsync.server.oversight.scope.moves import Moved
    from fieldsync.server.oversight.scope.preview import Preview

KILOBYTE = 1_000


def size(bytes_: int) -> str:
    """Bytes as people read them."""
    for unit, factor in (("GB", KILOBYTE**3), ("MB", KILOBYTE**2), ("kB", KILOBYTE)):
        if bytes_ >= factor:
            return f"{bytes_ / factor:.1f} {unit}"
    return f"{bytes_} bytes"


def tell_explained(found: Explained) -> None:
    """Section by section: rules, sharing, tokens, condition, what it reads, how changes reach it."""
    say(f"{found.object} on {found.device} of {found.username} ({found.profile})")
    rows = [("counts" if one.counts else "", one.id, one.why, one.rule.where) for one in found.rules]
    show_table("Rules", ("", "rule", "why", "where"), rows)
    if found.brought:
        say("No rule of its own counts; rules of other objects bring rows along.")
    say(f"Sharing: {found.sharing}.")
    if found.why_nothing:
        say(f"Nothing goes to the device: {found.why_nothing}.")
        return
    if found.tokens:
        values = [(name, ", ".join(value) or "nothing") for name, value in found.tokens.items()]
        show_table("Tokens", ("token", "stands for"), values)
    say(f"Rows:\n{found.condition}")
    if found.reads:
        show_table("Depends on", ("object", "fields"), _by_object(found))
    if found.ways:
        show_table("A change reaches the rows through", ("changed", "way"), found.ways)
    if found.route is not None:
        field, values_of = found.route
        say(f"Changes are passed over unless {field} is or was one of: {', '.join(values_of) or 'nothing'}.")
    if found.statement is not None:
        say(found.statement)


def _by_object(found: Explained) -> list[tuple[str, str]]:
    names = dict.fromkeys(name for name, _ in found.reads)
    return [(name, ", ".join(field for of, field in found.reads if of == name)) for name in names]


def tell_preview(found: Preview) -> None:
    """A line for each person, device type and object; then who was not looked at."""
    rows = [
        (*who, moved.object, f"+{moved.rows_in}", f"-{moved.rows_out}", moved.again or None, _samples(moved))
        for person in found.people
        for who in ((person.username, person.profile, person.device),)
        for moved in person.objects
        if moved.moves
    ]
    if rows:
        heads = ("person", "profile", "device", "object", "in", "out", "again", "such as")
        show_table("What devices would get and lose", heads, rows)
    else:
        say(f"Nothing would move; devices looked at: {found.looked_at}")
    for profile, count in sorted(found.left_out.items()):
        say(f"and {count} more of the profile {profile}")
    for warning in found.warnings:
        say(f"warning: {warning}")


def _samples(moved: Moved) -> str:
    return ", ".join((*(f"+{name}" for name in moved.names_in), *(f"-{name}" for name in moved.names_out)))


def tell_tried(found: Tried) -> None:
    """The count, then names."""
    say(f"{found.rows} rows of {found.object}")
    for name in found.names:
        say(f"  {name}")
    for warning in found.warnings:
        say(f"warning: {warning}")


def tell_held(user: str, found: tuple[Held, ...]) -> None:
    """A line for each object, and the sum."""
    rows = [(one.object, one.rows, size(one.bytes)) for one in found if one.rows]
    total = ("all", sum(one.rows for one in found), size(sum(one.bytes for one in found)))
    show_table(f"What a device of {user} holds", ("object", "rows", "about"), [*rows, total])
