"""Epochs: stamps only grow and no checkpoint proves what was lost, whatever happens to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import psycopg
from hypothesis import example, given
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import select, text, update

from fieldsync.base.ids import DeviceNumber
from fieldsync.base.world import SeededChance, SystemClock, World
from fieldsync.schema.catalog import build
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.deploy.apply import apply
from fieldsync.server.postgres.deploy.plan import plan
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.epoch import (
    _EPOCH,
    Epoch,
    Lineage,
    Stored,
    begin,
    checkpoint_fork,
    current_epoch,
    current_stamp_sql,
    of_epoch,
    read_epochs,
)

WORLD = World(SystemClock(), SeededChance("epochs"))


@dataclass
class Model:
    """A database that is written, restarted, dumped and restored, and the checkpoints devices took from it."""

    epochs: list[Epoch] = field(default_factory=list)
    stamps: dict[int, int] = field(default_factory=dict)
    """What was written last with each: a history after a restore gives stamps of the lost one again."""
    checkpoints: list[tuple[Lineage, int, frozenset[tuple[int, int]]]] = field(default_factory=list)
    writes: int = 0
    running: list[int] = field(default_factory=list)
    """Transactions that are in progress; where the database ends or is copied, they are aborted."""
    transaction: int = 700
    place: int = 1
    starts: int = 0

    def begin(self, *, restored: bool = False) -> None:
        self.starts += 1
        self.place += restored
        self.transaction += 1
        greatest = max([*self.stamps, *[e.first_stamp - 1 for e in self.epochs[-1:]]], default=0)
        last = self.epochs[-1] if self.epochs else None
        offset = last.offset if last else 0
        sure_below = min([offset + one for one in self.running], default=max(self.stamps, default=0) + 1)
        cluster, aborted = f"{self.place} {self.starts}", None if restored else min(self.running, default=None)
        stored = Stored(last, cluster, greatest, sure_below, self.transaction, aborted)
        self.epochs.append(begin(stored, f"nonce{self.starts}", DeviceNumber("00000")))
        self.running = []

    def open(self) -> None:
        self.transaction += 1
        self.running.append(self.transaction)

    def commit(self) -> None:
        if self.running:
            self._write(self.epochs[-1].offset + self.running.pop(0))

    def burn(self) -> None:
        self.transaction += 50

    def restore(self, kept: Model, elsewhere: int | None = None) -> None:
        """`elsewhere`: the transaction id of the cluster that a dump is restored into."""
        self.stamps, self.epochs, self.running = dict(kept.stamps), list(kept.epochs), list(kept.running)
        self.transaction = kept.transaction if elsewhere is None else elsewhere
        self.begin(restored=elsewhere is not None)

    def write(self) -> None:
        self.transaction += 1
        stamp = self.epochs[-1].offset + self.transaction
        assert stamp > max(self.stamps, default=0), "a new stamp is above every stored one"
        self._write(stamp)

    def _write(self, stamp: int) -> None:
        self.writes += 1
        self.stamps[stamp] = self.writes

    def checkpoint(self) -> None:
        epoch = self.epochs[-1]
        lineage = [(one.nonce, one.first_stamp) for one in self.epochs[-3:]]
        self.checkpoints.append((lineage, epoch.offset + self.transaction + 1, frozenset(self.stamps.items())))

    def check(self) -> None:
        for lineage, xmax, seen in self.checkpoints:
            lost = {stamp for stamp, write in seen if self.stamps.get(stamp) != write}
            fork = checkpoint_fork(self.epochs, lineage, xmax)
            if lost:
                assert fork is not None, "a device that saw what is lost is told"
                assert fork <= min(lost), "what is lost lies beyond the fork"


ACTIONS = st.lists(
    st.one_of(
        st.sampled_from(["write", "write", "checkpoint", "burn", "restart", "dump", "copy", "open", "commit"]),
        st.tuples(st.sampled_from(["restore dump", "restore copy"]), st.integers(1, 5_000)),
    ),
    max_size=40,
)


@given(ACTIONS)
@example(["open", "write", "copy", "commit", "checkpoint", ("restore copy", 1)])
def test_stamps_grow_and_no_checkpoint_proves_what_was_lost(actions: list[str | tuple[str, int]]) -> None:
    model = Model()
    model.begin()
    kept: Model | None = None
    for action in actions:
        match action:
            case "write" | "open" | "commit" | "checkpoint" | "burn":
                getattr(model, action)()
            case "restart":
                model.begin()
            case "dump" | "copy":
                kept = deepcopy(model)
            case ("restore dump", elsewhere) if kept is not None:
                model.restore(kept, int(elsewhere))
            case ("restore copy", _) if kept is not None:
                model.restore(kept)
        model.check()


@given(st.integers(1, 50))
def test_a_restart_alone_forks_nothing(writes: int) -> None:
    model = Model()
    model.begin()
    for _ in range(writes):
        model.write()
        model.checkpoint()
    model.begin()
    assert all(checkpoint_fork(model.epochs, lineage, xmax) is None for lineage, xmax, _ in model.checkpoints)


def test_a_checkpoint_of_which_no_epoch_is_known_forks_from_the_beginning() -> None:
    assert checkpoint_fork([], of_epoch("nonce"), 5) == 0


def test_a_checkpoint_of_an_epoch_after_the_backup_forks_where_the_backup_ends() -> None:
    """PostgreSQL was started anew between the backup and the checkpoint, so the checkpoint's own epoch is lost too."""
    model = Model()
    model.begin()
    model.write()
    kept = deepcopy(model)
    shared = max(model.stamps)
    for _ in range(2):
        model.write()
        model.begin()
    model.checkpoint()
    model.restore(kept)
    [(lineage, xmax, _)] = model.checkpoints
    fork = checkpoint_fork(model.epochs, lineage, xmax)
    assert fork is not None
    assert shared < fork
    model.check()


def make_org(uri: str) -> None:
    with admin_connection(uri) as connection:
        connection.exec_driver_sql("CREATE SCHEMA org_test")
    with admin_connection(uri, "org_test") as connection:
        apply(connection, plan(connection, build([])), clock=SystemClock())


@contextmanager
def copied(uri: str) -> Iterator[str]:
    """The address of a copy of this database."""
    name = conninfo_to_dict(uri)["dbname"]
    with psycopg.connect(uri, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
        try:
            yield make_conninfo(uri, dbname=f"{name}_copy")
        finally:
            admin.execute(f"DROP DATABASE {name}_copy WITH (FORCE)")


def epoch_now(connection: AdminConnection) -> Epoch:
    return current_epoch(connection, "org_test", WORLD)


def test_one_epoch_lasts_as_long_as_the_database_runs(database: str) -> None:
    make_org(database)
    with admin_connection(database, "org_test") as connection:
        first = epoch_now(connection)
    with admin_connection(database, "org_test") as connection:
        assert epoch_now(connection) == first
        stamp = connection.execute(select(current_stamp_sql(first.offset))).scalar_one()
    assert stamp > first.first_stamp
    assert first.number == 1


def test_a_database_that_has_started_anew_gets_an_epoch_with_a_nonce_and_a_number_of_its_own(database: str) -> None:
    make_org(database)
    with admin_connection(database, "org_test") as connection:
        first = epoch_now(connection)
        started_before = first.cluster.rpartition(" ")[0] + " 1700000000.0"
        connection.execute(update(_EPOCH).values(cluster=started_before))
    with admin_connection(database, "org_test") as connection:
        second = epoch_now(connection)
        numbers = connection.execute(text("SELECT number FROM _device_number")).scalars().all()
    assert second.number == 2
    assert second.offset == first.offset
    assert second.first_stamp > first.first_stamp
    assert second.nonce != first.nonce
    assert set(numbers) == {first.server_number, second.server_number}


def test_a_restored_dump_takes_stamps_above_every_stored_one_and_forks_what_may_be_missing(database: str) -> None:
    """A copy of the database has another identity, like a restored dump; its change log is ahead of this cluster."""
    make_org(database)
    with admin_connection(database, "org_test") as connection:
        first = epoch_now(connection)
        connection.execute(
            text(
                "INSERT INTO _change (day, stamp, version, seq, object, id, kind, at) VALUES "
                "('2026-11-20', 800000000, 800000000, 0, 'Order', '8', 'created', '2026-11-20 10:00Z'),"
                "('2026-11-21', 900000000, 900000000, 0, 'Order', '8', 'updated', '2026-11-21 10:00Z')"
            )
        )
    with copied(database) as restored, admin_connection(restored, "org_test") as connection:
        second = epoch_now(connection)
        stamp = connection.execute(select(current_stamp_sql(second.offset))).scalar_one()
        epochs = read_epochs(connection)
    assert stamp > 900_000_000
    assert second.first_stamp == 800_000_001
    assert checkpoint_fork(epochs, of_epoch(first.nonce), 850_000_000) == 800_000_001
    assert checkpoint_fork(epochs, of_epoch(first.nonce), 800_000_000) is None


def test_without_a_change_log_the_data_tables_tell_the_greatest_stamp(database: str) -> None:
    make_org(database)
    with admin_connection(database, "org_test") as connection:
        connection.exec_driver_sql('CREATE TABLE "Order" ("Id" text, "_stamp" bigint)')
        connection.exec_driver_sql("INSERT INTO \"Order\" VALUES ('8', 900000000)")
        begun = epoch_now(connection)
    assert begun.first_stamp > 900_000_000


def test_server_numbers_are_never_given_twice(database: str) -> None:
    make_org(database)
    with admin_connection(database, "org_test") as connection:
        for start in range(20):
            connection.execute(update(_EPOCH).where(_EPOCH.c.number == start).values(cluster=f"x {start}"))
            epoch_now(connection)
        epochs = read_epochs(connection)
    assert len({epoch.server_number for epoch in epochs}) == len(epochs) == 20
    assert all(a.first_stamp <= b.first_stamp for a, b in pairwise(epochs))


def test_a_restart_of_postgresql_begins_an_epoch_and_stamps_go_on(short_dir: Path) -> None:
    folder = short_dir / "restarted"
    with EmbeddedPostgres.start(folder) as server:
        make_org(server.uri)
        with admin_connection(server.uri, "org_test") as connection:
            first = epoch_now(connection)
            stamp = connection.execute(select(current_stamp_sql(first.offset))).scalar_one()
    with EmbeddedPostgres.start(folder) as server, admin_connection(server.uri, "org_test") as connection:
        second = epoch_now(connection)
        later = connection.execute(select(current_stamp_sql(second.offset))).scalar_one()
        epochs = read_epochs(connection)
    assert (first.number, second.number) == (1, 2)
    assert second.offset == first.offset
    assert later >= second.first_stamp > stamp
    assert checkpoint_fork(epochs, of_epoch(first.nonce), stamp + 1) is None
