"""`fieldsync serve`: the server, with its own PostgreSQL unless another is named."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import system_world
from fieldsync.cli.place import DEFAULT_DATA, DatabaseOption, DataOption, announced, database_uri, read_running
from fieldsync.cli.report import say

if TYPE_CHECKING:
    from fieldsync.server.http.app import Pages

DEFAULT_PORT = 8484


def serve(
    database: DatabaseOption = None,
    data: DataOption = DEFAULT_DATA,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = DEFAULT_PORT,
) -> None:
    """Serve every org until Ctrl-C."""
    from fieldsync.server.http.app import create_app
    from fieldsync.server.http.serve import run, serve_alone
    from fieldsync.server.org.begin.upgrade import upgrade_org
    from fieldsync.server.org.directory import list_orgs
    from fieldsync.server.postgres.connect import admin_connection

    address = f"http://{host}:{port}"
    require_free(host, port)
    other = read_running(data) if database is None else None
    if other is not None:
        raise Refused(problem(Code.OPEN_ELSEWHERE, pid=other.pid))
    with database_uri(database, data) as uri, announced(data, uri, address):
        with admin_connection(uri) as connection:
            orgs = [org.name for org in list_orgs(connection)]
        for org in orgs:
            upgraded = upgrade_org(uri, org, system_world())
            if upgraded.steps:
                say(f"upgraded {org} to level {upgraded.to_level} in {len(upgraded.steps)} steps")
        welcome = f"fieldsync serves {', '.join(orgs) or 'no org yet (fieldsync org create)'} at {address}"
        app = create_app(uri, system_world(), pages=console())
        run(serve_alone(app, host=host, port=port, ready=lambda: say(welcome)))
    say("stopped")


def console() -> Pages:
    """The admin's pages, served beside the sync protocol."""
    from fieldsync.server.http.app import Pages
    from fieldsync.web.console.app import console_guard, console_routes, template_config

    return Pages(console_routes(), template_config, console_guard(frozenset()))


def require_free(host: str, port: int) -> None:
    """Say that the port is taken before anything is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as failed:
            reason = failed.strerror or str(failed)
            raise Refused(problem(Code.UNUSABLE, what=f"{host}:{port}", reason=reason)) from None
