"""`fieldsync device`: a device in the terminal, on the same engine as the Field app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.cli.device.values import assignments
from fieldsync.cli.place import JsonOption
from fieldsync.cli.report import progress, say, show_json, show_table

if TYPE_CHECKING:
    from fieldsync.device import Device

app = typer.Typer(help="A device in the terminal.", no_args_is_help=True)

DEFAULT_STORE = Path.home() / ".fieldsync" / "device"
StoreOption = Annotated[
    Path, typer.Option("--store", envvar="FIELDSYNC_STORE", help="Folder of the device's encrypted database.")
]
PassphraseOption = Annotated[
    str,
    typer.Option(
        "--passphrase",
        envvar="FIELDSYNC_PASSPHRASE",
        prompt=True,
        hide_input=True,
        help="Opens the device's database. Better asked for, or given in the environment, than written here.",
    ),
]
PasswordOption = Annotated[
    str, typer.Option("--password", envvar="FIELDSYNC_PASSWORD", prompt=True, hide_input=True, help="Of the user.")
]
ObjectArgument = Annotated[str, typer.Argument(metavar="OBJECT", help="API name, e.g. Account.")]


@app.command("login")
def login(
    server: Annotated[str, typer.Option("--server", envvar="FIELDSYNC_SERVER", help="Address of the server.")],
    org: Annotated[str, typer.Option("--org", envvar="FIELDSYNC_ORG", help="Name of the org.")],
    username: Annotated[str, typer.Option("--username")],
    password: PasswordOption,
    passphrase: PassphraseOption,
    name: Annotated[str, typer.Option("--name", help="What the console calls this device.")] = "terminal",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Sign in, register this device, and fetch its data."""
    from fieldsync.cli.device.store import describe_terminal, keep_server, open_with_key

    with open_with_key(store, passphrase, server) as (device, key):
        device.sign_in(org, username, password, describe_terminal(name, key))
        keep_server(store, server)
        report = _sync(device, "incremental")
        account = device.account
    if as_json:
        show_json({"account": account, "sync": report})
    else:
        say(f"signed in as {username}; the data is in {store}")


@app.command("status")
def status(passphrase: PassphraseOption, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """What the Sync widget shows, and what waits in the queue."""
    from fieldsync.cli.device.store import open_device

    with open_device(store, passphrase) as device:
        widget, queue, account = device.widget(), device.queue(), device.account
    if as_json:
        show_json({"account": account, "widget": widget, "queue": queue})
        return
    proved = widget.proved_at or "never"
    say(f"{widget.state}: {widget.pending} pending, {widget.errors} errors, as of {widget.as_of or 'never'}")
    say(f"checked against the server: {proved}" if widget.problem is None else widget.problem.message)
    rows = [(e.n, e.state, e.object, e.name or e.record_id, e.saved_at, e.attempts) for e in queue]
    show_table("Queue", ("n", "state", "object", "record", "saved", "attempts"), rows)


@app.command("query")
def query(
    object_name: ObjectArgument,
    passphrase: PassphraseOption,
    where: Annotated[list[str] | None, typer.Option("--where", help="FIELD=VALUE; may be repeated.")] = None,
    search: Annotated[str | None, typer.Option("--search", help="Text to look for in the name.")] = None,
    fields: Annotated[str | None, typer.Option("--fields", help="Fields to show, with commas.")] = None,
    order_by: Annotated[str, typer.Option("--order-by")] = "Name",
    limit: Annotated[int, typer.Option("--limit", min=1)] = 200,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Records on this device, offline too."""
    from fieldsync.cli.device.store import open_device

    with open_device(store, passphrase) as device:
        columns = _columns(device, object_name, fields)
        chosen = assignments(device.catalog[object_name], where or [])
        records = device.find(object_name, where=chosen, search=search, order_by=order_by, limit=limit)
    if as_json:
        show_json([{**{c: r.values.get(c) for c in columns}, "mark": r.mark} for r in records])
    else:
        shown = columns if fields else columns[:6]
        show_table(object_name, shown, [[record.values.get(c) for c in shown] for record in records])


@app.command("save")
def save(
    object_name: ObjectArgument,
    passphrase: PassphraseOption,
    values: Annotated[list[str] | None, typer.Argument(help="FIELD=VALUE; nothing after = clears the field.")] = None,
    record_id: Annotated[str | None, typer.Option("--id", help="Change this record instead of making one.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the record.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Save one record, offline too; the next sync sends it."""
    from fieldsync.cli.device.store import open_device

    if delete and record_id is None:
        raise typer.BadParameter("--delete needs --id")
    with open_device(store, passphrase) as device:
        _columns(device, object_name, None)
        given = assignments(device.catalog[object_name], values or [])
        with device.edit() as edit:
            if record_id is None:
                record_id = edit.create(object_name, given)
            elif delete:
                edit.delete(object_name, RecordId(record_id))
            else:
                edit.update(object_name, RecordId(record_id), given)
        numbers = list(edit.queue_numbers)
    if as_json:
        show_json({"id": record_id, "queue_numbers": numbers})
    else:
        say(f"saved {object_name} {record_id}")


@app.command("sync")
def sync(
    passphrase: PassphraseOption,
    full: Annotated[bool, typer.Option("--full", help="Fetch everything again.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Send what waits, then fetch what is new. Exits with 1 when an edit was refused."""
    from fieldsync.cli.device.store import open_device

    with open_device(store, passphrase) as device:
        report = _sync(device, "full" if full else "incremental")
        failed = device.errors()
    if as_json:
        show_json({"sync": report, "errors": failed})
    else:
        say(f"synced; {len(failed)} errors")
    if failed:
        raise typer.Exit(1)


@app.command("verify")
def verify(passphrase: PassphraseOption, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Sync, and prove that this device holds what the server says it should. What differs is repaired.

    Exits with 1 when something still differs.
    """
    from fieldsync.cli.device.store import open_device

    with open_device(store, passphrase) as device:
        report = device.verify()
    if as_json:
        show_json({"sync": report})
    elif report.problem is not None:
        say(f"{report.problem.message} {report.problem.remedy}")
    elif not report.verified:
        say("the server did not say what this device should hold")
    else:
        say(f"this device holds what it should; {report.rows_repaired} rows were repaired")
    if not report.verified:
        raise typer.Exit(1)


@app.command("errors")
def errors(passphrase: PassphraseOption, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Edits that were refused, or wait for one that was, and files that the server does not take, with the reason."""
    from fieldsync.cli.device.store import open_device

    with open_device(store, passphrase) as device:
        failed, files = device.errors(), device.media.refused()
    if as_json:
        show_json({"errors": failed, "files": [one.problem for one in files]})
        return
    rows: list[tuple[object, ...]] = [
        (entry.n, entry.state, entry.object, entry.name or entry.record_id, found.field, found.message, found.remedy)
        for entry in failed
        for found in entry.problems
    ]
    rows += [
        ("", "file", one.held.object, one.name, one.problem.field, one.problem.message, one.problem.remedy)
        for one in files
    ]
    show_table("Errors", ("n", "state", "object", "record", "field", "what", "remedy"), rows)


def _columns(device: Device, object_name: str, chosen: str | None) -> list[str]:
    """The columns to show. Raises Refused for an object or field the catalog does not have."""
    if object_name not in device.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=object_name))
    known = device.catalog[object_name].columns
    if chosen is None:
        return list(known)
    wanted = [name.strip() for name in chosen.split(",")]
    for name in wanted:
        if name not in known:
            raise Refused(problem(Code.UNKNOWN_FIELD, object=object_name, field=name))
    return wanted


def _sync(device: Device, kind: str) -> object:
    """One sync with a progress bar for each way."""
    with progress() as bars:
        up, down = bars.add_task("sending", total=None), bars.add_task("fetching", total=None)

        def show(_: object) -> None:
            widget = device.widget()
            bars.update(up, completed=widget.up[0], total=widget.up[1] or None)
            bars.update(down, completed=widget.down[0], total=widget.down[1] or None)

        stop = device.subscribe(show)
        try:
            return msgspec.to_builtins(device.sync(kind))
        finally:
            stop()
            _rest(device)


def _rest(device: Device) -> None:
    """All that is due behind a sync: the server is told how it went."""
    while device.step() == 0.0:
        pass
