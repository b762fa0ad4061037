"""Checkpoints: where a device stands, as a whole database snapshot in stamps (DESIGN 5).

A stamp is the epoch's offset plus a PostgreSQL transaction id, so a snapshot (xmin, xmax, those in progress) shifted by
the offset says of every stamp whether the device has seen it. Neither a clock, nor a sequence, nor xmin alone would:
each skips rows of transactions that commit late, or sends rows again and again.
"""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.epoch import checkpoint_fork, of_epoch
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.recovery.standing import known_epochs
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.token import Purpose, seal, unseal


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """Stamps below `xmin` were seen; from `xmax` on they were not; between, all but those `running`.

    `day` (ISO) bounds which partitions of the change log can hold news. `binding` is the hash of what the rows sent
    depended on beside the rows (`scope/recipe.py`): where it differs, the next download brings that difference too.
    `lineage`: the epoch it was made in, last, and those before it. `looks`: the recipe's, which is known from here also
    when the recipe is not kept any more.
    """

    nonce: str
    xmin: int
    xmax: int
    running: tuple[int, ...]
    day: str
    binding: str
    lineage: tuple[tuple[str, int], ...] = ()
    looks: str = ""

    def cut(self, stamp: int, day: date) -> Checkpoint:
        """As if nothing had been seen from this stamp on; the first change from there on was made on `day` or later."""
        running = tuple(each for each in self.running if each < stamp)
        xmin, xmax = min(self.xmin, stamp), min(self.xmax, stamp)
        return msgspec.structs.replace(self, xmin=xmin, xmax=xmax, running=running, day=min(self.day, day.isoformat()))


def from_snapshot(text: str, offset: int, *, nonce: str, day: str, binding: str) -> Checkpoint:
    """A checkpoint out of PostgreSQL's `xmin:xmax:running,...`."""
    xmin, xmax, running = text.split(":")
    ids = tuple(int(x) + offset for x in running.split(",") if x)
    return Checkpoint(nonce, int(xmin) + offset, int(xmax) + offset, ids, day, binding)


async def open_checkpoint(
    org: Org, database: Database, caller: Caller, token: str, named_from: int | None = None
) -> Checkpoint:
    """The checkpoint a device sent. `named_from`: it names all its rows from this stamp on, so the checkpoint counts as
    far as the histories are one. Raises Refused: BAD_CURSOR, or FORK with the stamp from which they part."""
    checkpoint = unseal(org.mac_key, Purpose.CHECKPOINT, caller, token, Checkpoint)
    epochs = await known_epochs(org, database)
    stamp = checkpoint_fork(epochs, checkpoint.lineage or of_epoch(checkpoint.nonce), checkpoint.xmax)
    if stamp is None:
        return checkpoint
    if not stamp or named_from is None or named_from > stamp:
        raise Refused(problem(Code.FORK, reason="the server was restored from a backup", stamp=stamp))
    return checkpoint.cut(stamp, log_begins(org))


def log_begins(org: Org) -> date:
    """The first day of which changes are kept for sure."""
    return org.world.clock.now().date() - timedelta(days=limits.CHANGE_LOG_DAYS)


async def present_checkpoint(org: Org, database: Database, scope: Scope) -> Checkpoint:
    """Where a device stands that was sent everything this transaction's snapshot shows."""
    row = await database.one(org.read.place)
    assert row is not None, "an org has an epoch before it serves"
    snapshot, nonce, offset, lineage = row
    told = tuple((before, first_stamp) for before, first_stamp in lineage)
    day = org.world.clock.now().date().isoformat()
    found = from_snapshot(snapshot, offset, nonce=nonce, day=day, binding=scope.recipe.hash)
    return msgspec.structs.replace(found, lineage=told, looks=scope.recipe.looks)


def seal_checkpoint(org: Org, caller: Caller, checkpoint: Checkpoint) -> str:
    """The token a device keeps."""
    return seal(org.mac_key, Purpose.CHECKPOINT, caller, checkpoint)
