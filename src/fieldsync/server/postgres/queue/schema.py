"""The queue's tables and functions, in a PostgreSQL schema of their own that every org of the database shares.

They are procrastinate's, made from its own SQL. Each of its functions is given the schema as its search path, so that a
save whose search path is its org's can call them. What a newer procrastinate changes is applied from its migrations.
"""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection, func, select, text

from fieldsync.server.postgres.names import quoted

QUEUE_SCHEMA = "fieldsync_jobs"
_LOCK = "fieldsync job queue"
_OWN_TABLES = f"""
CREATE TABLE {QUEUE_SCHEMA}.applied (
    job_id bigint PRIMARY KEY REFERENCES {QUEUE_SCHEMA}.procrastinate_jobs ON DELETE CASCADE
);
COMMENT ON TABLE {QUEUE_SCHEMA}.applied IS 'Jobs whose effect is committed, whether or not they are marked as done';
CREATE TABLE {QUEUE_SCHEMA}.migration (name text PRIMARY KEY);
COMMENT ON TABLE {QUEUE_SCHEMA}.migration IS 'Migrations of procrastinate that these tables contain';
"""
_OWN_MIGRATIONS = {
    "own.1.ended": """
CREATE TABLE ended (
    job_id bigint NOT NULL,
    queue_name varchar(128) NOT NULL,
    what text NOT NULL,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    attempt integer NOT NULL,
    problem text
);
CREATE INDEX ix_ended ON ended (queue_name, ended_at);
COMMENT ON TABLE ended IS 'Every run of a job that ended, for some days: procrastinate deletes those that succeed';
""",
    "own.2.progress": """
CREATE TABLE progress (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue_name varchar(128) NOT NULL,
    what text NOT NULL,
    asked_by text NOT NULL,
    status text NOT NULL,
    done integer NOT NULL DEFAULT 0,
    total integer NOT NULL DEFAULT 0,
    canceled boolean NOT NULL DEFAULT false,
    asked_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz,
    ended_at timestamptz,
    result text
);
CREATE UNIQUE INDEX ix_progress_open ON progress (queue_name, what) WHERE ended_at IS NULL;
COMMENT ON TABLE progress IS 'Work that people watch: how far it is, and whether it is to stop';
""",
    "own.3.brought": """
CREATE TABLE brought (
    progress bigint NOT NULL REFERENCES progress ON DELETE CASCADE,
    kind text NOT NULL,
    part integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (progress, kind, part)
);
COMMENT ON TABLE brought IS 'What such work is about, and its report, piece by piece: files that people brought';
""",
}


def make_queue(connection: Connection) -> None:
    """Make the queue, or bring it to this procrastinate, in the caller's transaction. Harmless where it is there."""
    if not _missing(connection):
        return
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(_LOCK))))
    missing = _missing(connection)
    if not missing:
        return
    path = connection.execute(text("SELECT current_setting('search_path')")).scalar_one()
    if _is_there(connection):
        scripts = [_OWN_MIGRATIONS.get(name) or _script(f"migrations/{name}") for name in missing]
    else:
        connection.exec_driver_sql(f"CREATE SCHEMA {QUEUE_SCHEMA}")
        scripts = [_script("schema.sql"), _OWN_TABLES, *_OWN_MIGRATIONS.values()]
    _set_path(connection, QUEUE_SCHEMA)
    for script in scripts:
        connection.exec_driver_sql(script.replace("%", "%%"))
    _set_path(connection, path)
    _fix_paths(connection)
    record = text(f"INSERT INTO {QUEUE_SCHEMA}.migration (name) VALUES (:name)")  # noqa: S608
    connection.execute(record, [{"name": name} for name in missing])


def _missing(connection: Connection) -> list[str]:
    """Migrations that the tables don't contain; all of them where there are no tables."""
    known: set[str] = set()
    if _is_there(connection):
        known.update(connection.execute(text(f"SELECT name FROM {QUEUE_SCHEMA}.migration")).scalars())  # noqa: S608
    folder = resources.files("procrastinate.sql") / "migrations"
    theirs = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [name for name in (*theirs, *_OWN_MIGRATIONS) if name not in known]


def _is_there(connection: Connection) -> bool:
    return connection.execute(select(func.to_regclass(f"{QUEUE_SCHEMA}.migration"))).scalar() is not None


def _script(name: str) -> str:
    return (resources.files("procrastinate.sql") / name).read_text(encoding="utf-8")


def _set_path(connection: Connection, path: str) -> None:
    connection.execute(select(func.set_config("search_path", path, True)))


def _fix_paths(connection: Connection) -> None:
    """Let every function of the queue find the queue, whatever the search path of who calls it."""
    mine = text("SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = CAST(:schema AS regnamespace)")
    for (function,) in connection.execute(mine, {"schema": QUEUE_SCHEMA}).all():
        connection.exec_driver_sql(f"ALTER FUNCTION {function} SET search_path = {quoted(QUEUE_SCHEMA)}, pg_temp")
