"""Checkpoints: where a device stands, as a whole database snapshot in stamps (DESIGN 5).

A stamp is the epoch's offset plus a PostgreSQL transaction id, so a snapshot (xmin, xmax, those in progress) shifted by
the offset says of every stamp whether the device has seen it. Neither a clock, nor a sequence, nor xmin alone would:
each skips rows of transactions that commit late, or sends rows again and again.
"""

from __future__ import annotations

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.epoch import Epoch, checkpoint_fork
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.token import Purpose, seal, unseal


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """Stamps below `xmin` were seen; from `xmax` on they were not; between, all but those `running`.

    `day` (ISO) bounds which partitions of the change log can hold news. `binding` is the hash of what the rows sent
    depended on beside the rows (`scope/recipe.py`): where it differs, the next download brings that difference too.
    """

    nonce: str
    xmin: int
    xmax: int
    running: tuple[int, ...]
    day: str
    binding: str


def from_snapshot(text: str, offset: int, *, nonce: str, day: str, binding: str) -> Checkpoint:
    """A checkpoint out of PostgreSQL's `xmin:xmax:running,...`."""
    xmin, xmax, running = text.split(":")
    ids = tuple(int(x) + offset for x in running.split(",") if x)
    return Checkpoint(nonce, int(xmin) + offset, int(xmax) + offset, ids, day, binding)


async def open_checkpoint(org: Org, database: Database, caller: Caller, token: str) -> Checkpoint:
    """The checkpoint a device sent. Raises Refused: BAD_CURSOR, or FORK with the stamp from which histories part."""
    checkpoint = unseal(org.mac_key, Purpose.CHECKPOINT, caller, token, Checkpoint)
    epochs = [Epoch(*row) for row in await database.rows(org.read.epochs)]
    stamp = checkpoint_fork(epochs, checkpoint.nonce, checkpoint.xmax)
    if stamp is not None:
        raise Refused(problem(Code.FORK, reason="the server was restored from a backup", stamp=stamp))
    return checkpoint


async def present_checkpoint(org: Org, database: Database, scope: Scope) -> Checkpoint:
    """Where a device stands that was sent everything this transaction's snapshot shows."""
    row = await database.one(org.read.place)
    assert row is not None, "an org has an epoch before it serves"
    snapshot, _, nonce, offset = row
    day = org.world.clock.now().date().isoformat()
    return from_snapshot(snapshot, offset, nonce=nonce, day=day, binding=scope.recipe.hash)


def seal_checkpoint(org: Org, caller: Caller, checkpoint: Checkpoint) -> str:
    """The token a device keeps."""
    return seal(org.mac_key, Purpose.CHECKPOINT, caller, checkpoint)
