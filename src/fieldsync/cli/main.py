"""The command `fieldsync`: which command lives in which module, and nothing else.

A module is imported when its command is called, so that a device needs no server library and a server no device's. The
app is opened many times a day by somebody who waits for it: it reads in none of the other commands.
"""

from __future__ import annotations

import sys

import typer

APP = "field"


def main() -> None:
    """Entry point of the installed command."""
    from fieldsync.cli.report import run

    found = None
    if sys.argv[1:2] == [APP]:
        from fieldsync.cli.device.given import the_app

        found = the_app(sys.argv[2:])
    sys.exit(run(found or commands(), as_json="--json" in sys.argv))


def commands() -> typer.Typer:
    """All of them."""
    from fieldsync.cli import bench, content, deploy, formula, imports, org, serve, simulate
    from fieldsync.cli.conformance import app as conformance
    from fieldsync.cli.demo import command as demo
    from fieldsync.cli.device.commands import app as device
    from fieldsync.cli.device.field import field
    from fieldsync.cli.device.support import support
    from fieldsync.cli.doctor.command import doctor
    from fieldsync.cli.reality.command import matrix
    from fieldsync.cli.report import codes
    from fieldsync.cli.rules.commands import app as rules

    app = typer.Typer(
        name="fieldsync",
        help="Offline-first CRM sync: server, orgs, catalogs, devices.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.command("demo")(demo.demo)
    app.command("serve")(serve.serve)
    app.command(APP)(field)
    app.command("support")(support)
    app.command("deploy")(deploy.deploy)
    app.command("doctor")(doctor)
    app.command("formula")(formula.formula)
    app.command("codes")(codes)
    sim = typer.Typer(invoke_without_command=True)
    sim.callback()(simulate.sim)
    sim.command("matrix")(matrix)
    app.add_typer(sim, name="sim")
    app.add_typer(org.app, name="org")
    app.add_typer(imports.app, name="import")
    app.add_typer(rules, name="rules")
    app.add_typer(content.app, name="content")
    app.add_typer(device, name="device")
    app.add_typer(bench.app, name="bench")
    app.add_typer(conformance, name="conformance")
    return app
