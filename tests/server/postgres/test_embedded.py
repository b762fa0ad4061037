"""The embedded PostgreSQL: it starts and stops, is refused where it must be, and never outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from fieldsync.base.problems import Code, Refused
from fieldsync.server.postgres.embedded import EmbeddedPostgres

GONE_SECONDS_MAX = 60
OWNER = """
import sys, time
from pathlib import Path
from fieldsync.server.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
print(server.pid, flush=True)
time.sleep(600)
"""
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends the server with its owner")
root_only = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs to run as root")


@pytest.fixture
def data_dir(short_dir: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of this test's own, not made yet."""
    return short_dir / f"{request.node.name[:30]}"


def answer(uri: str, query: str) -> object:
    """The first value of the first row."""
    with psycopg.connect(uri) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def alive(pid: int) -> bool:
    """Whether a process with this number runs; one that ended and that nobody has asked about yet does not."""
    try:
        os.kill(pid, 0)
        return sys.platform != "linux" or "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (ProcessLookupError, FileNotFoundError):
        return False


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """True as soon as `condition` is."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def start_owner(data_dir: Path) -> tuple[subprocess.Popen[str], int]:
    """Another process that runs the server on `data_dir`, and the server's process number."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, data_dir], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())


def test_it_serves_and_keeps_its_data_over_a_restart(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir) as server, psycopg.connect(server.uri) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Ünïcode ✓' AS text")
    with EmbeddedPostgres.start(data_dir) as server:
        assert answer(server.uri, "SELECT text FROM kept") == "Ünïcode ✓"


def test_stop_ends_the_process_and_may_be_said_twice(data_dir: Path) -> None:
    server = EmbeddedPostgres.start(data_dir)
    pid = server.pid
    server.stop()
    server.stop()
    assert not alive(pid)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.uri)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"), ("TimeZone", "UTC")],
        *[("server_encoding", "UTF8"), ("max_connections", "60"), ("listen_addresses", "")],
    ],
)
def test_settings_keep_acknowledged_commits(postgres: EmbeddedPostgres, setting: str, value: str) -> None:
    assert answer(postgres.uri, f"SELECT current_setting('{setting}')") == value


def test_text_sorts_by_code_point(database: str) -> None:
    assert answer(database, "SELECT string_agg(t, '' ORDER BY t) FROM unnest(ARRAY['a','Z','é','B']) t") == "BZaé"


def test_a_port_listens_on_loopback_with_a_password(data_dir: Path) -> None:
    from fieldsync.server.postgres.embedded.cluster import free_port

    port = free_port()
    with EmbeddedPostgres.start(data_dir, port=port) as server:
        assert f"@127.0.0.1:{port}/" in server.uri
        assert answer(server.uri, "SELECT 1") == 1
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{port}/postgres")


def test_a_folder_name_too_long_for_a_socket_is_no_obstacle(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir / ("long" * 30)) as server:
        assert answer(server.uri, "SELECT 1") == 1


def test_a_second_start_in_the_same_process_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(Refused, match=f"in use by another server .process {postgres.pid}.") as refused:
        EmbeddedPostgres.start(postgres.data_dir)
    assert refused.value.problem.code is Code.DATABASE_UNFIT
    assert answer(postgres.uri, "SELECT 1") == 1


def test_a_folder_with_other_files_is_refused_and_left_alone(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "letter.txt").write_text("mine", encoding="utf-8")
    before = data_dir.stat()
    with pytest.raises(Refused, match="holds other files"):
        EmbeddedPostgres.start(data_dir)
    assert [path.name for path in data_dir.iterdir()] == ["letter.txt"]
    assert (data_dir.stat().st_mode, data_dir.stat().st_uid) == (before.st_mode, before.st_uid)


def test_a_start_that_fails_says_why_and_leaves_the_folder_free(data_dir: Path) -> None:
    with pytest.raises(Refused, match="no_such_setting"):
        EmbeddedPostgres.start(data_dir, settings={"no_such_setting": "1"})
    with EmbeddedPostgres.start(data_dir) as server:
        assert answer(server.uri, "SELECT 1") == 1


def test_an_initdb_that_a_crash_cut_short_is_made_anew(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir):
        pass
    (data_dir / "cluster").rename(data_dir / "cluster.new")
    (data_dir / "cluster.new" / "global" / "pg_control").unlink()
    with EmbeddedPostgres.start(data_dir) as server:
        assert answer(server.uri, "SELECT 1") == 1


def test_another_version_is_refused(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir):
        pass
    (data_dir / "cluster" / "PG_VERSION").write_text("9\n", encoding="ascii")
    with pytest.raises(Refused, match="was made by PostgreSQL 9"):
        EmbeddedPostgres.start(data_dir)


def test_it_outlives_the_thread_that_started_it(data_dir: Path) -> None:
    started: list[EmbeddedPostgres] = []
    thread = threading.Thread(target=lambda: started.append(EmbeddedPostgres.start(data_dir)))
    thread.start()
    thread.join()
    with started[0] as server:
        time.sleep(0.2)
        assert answer(server.uri, "SELECT 1") == 1


@linux_only
def test_it_dies_with_an_owner_killed_by_9_and_the_next_start_waits_for_that(data_dir: Path) -> None:
    owner, pid = start_owner(data_dir)
    with pytest.raises(Refused, match=f"process {pid}"):
        EmbeddedPostgres.start(data_dir)
    owner.kill()
    owner.communicate()
    with EmbeddedPostgres.start(data_dir) as server:
        assert not alive(pid)
        assert answer(server.uri, "SELECT 1") == 1


@linux_only
def test_a_kill_9_of_owner_and_server_leaves_a_folder_that_starts(data_dir: Path) -> None:
    owner, pid = start_owner(data_dir)
    os.kill(owner.pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    owner.kill()
    owner.communicate()
    assert (data_dir / "cluster" / "postmaster.pid").exists()
    with EmbeddedPostgres.start(data_dir) as server:
        assert answer(server.uri, "SELECT 1") == 1


@linux_only
def test_a_stale_process_number_taken_by_another_program_is_no_obstacle(data_dir: Path) -> None:
    with EmbeddedPostgres.start(data_dir) as server:
        stale = (data_dir / "cluster" / "postmaster.pid").read_text(encoding="utf-8")
        user = (data_dir / "cluster").stat().st_uid
        number = server.pid
    other = subprocess.Popen(["/bin/sleep", "60"], user=user)
    lines = stale.replace(str(number), str(other.pid), 1)
    (data_dir / "cluster" / "postmaster.pid").write_text(lines, encoding="utf-8")
    with EmbeddedPostgres.start(data_dir) as server:
        assert answer(server.uri, "SELECT 1") == 1
    other.kill()
    other.wait()


@linux_only
def test_an_owner_that_dies_while_starting_leaves_nothing(data_dir: Path) -> None:
    for delay in (0.05, 0.2, 0.4, 0.6):
        owner = subprocess.Popen([sys.executable, "-c", OWNER, data_dir], stdout=subprocess.DEVNULL)
        time.sleep(delay)
        owner.kill()
        owner.wait()
        assert within(GONE_SECONDS_MAX, lambda: not working_in(data_dir))
    with EmbeddedPostgres.start(data_dir) as server:
        assert answer(server.uri, "SELECT 1") == 1


def working_in(data_dir: Path) -> list[str]:
    """The processes with `data_dir` in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            found += [entry.name] if bytes(data_dir) in line else []
    return found


@linux_only
def test_the_folder_is_private(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o755)
    with EmbeddedPostgres.start(data_dir):
        assert data_dir.stat().st_mode & 0o077 == 0
        assert (data_dir / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0


@root_only
@linux_only
def test_as_root_it_runs_as_somebody_else_and_reaches_only_what_it_must(data_dir: Path) -> None:
    home = data_dir / "home"
    home.mkdir(parents=True, mode=0o700)
    with EmbeddedPostgres.start(home / "data") as server:
        uid = Path(f"/proc/{server.pid}").stat().st_uid
        assert uid not in {0, os.geteuid()}
        assert answer(server.uri, "SELECT 1") == 1
    assert home.stat().st_mode & 0o007 == 0
    listing = subprocess.run(["/bin/ls", home], user=uid, group=uid, extra_groups=[], capture_output=True)
    assert listing.returncode != 0


@root_only
def test_root_goes_on_as_the_user_whose_folder_it_is(data_dir: Path) -> None:
    import pwd

    nobody = pwd.getpwnam("nobody").pw_uid
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, nobody, pwd.getpwnam("nobody").pw_gid)
    with EmbeddedPostgres.start(data_dir) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
