"""What a device is told of the server's history when it gets tokens, so that it knows what to offer again (DESIGN 5).

A database that was restored lacks what came after its backup: saves, and device numbers too. A number that nobody has
becomes the device's again that comes with it.
"""

from __future__ import annotations

from fieldsync.base.ids import ALPHABET, DEVICE_CHARS, DeviceNumber
from fieldsync.protocol.session import History
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.epoch import Epoch, checkpoint_fork, of_epoch
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Caller

NEVER_REACHED = 2**63 - 1


async def history_for(org: Org, database: Database, key_hash: str, epoch: str) -> History:
    """The history as a device needs it that was told of `epoch` last; "" for one that was told of none."""
    epochs = await known_epochs(org, database)
    lost_from = checkpoint_fork(epochs, of_epoch(epoch), NEVER_REACHED) if epoch else None
    numbers = await database.rows(org.session.numbers, key=key_hash)
    confirmed = {number: through for number, _, _, through, _ in numbers}
    return History(epochs[-1].nonce, lost_from, confirmed, {number: high for number, _, _, _, high in numbers})


async def may_take_back(org: Org, database: Database, number: str) -> bool:
    """Whether a device may have held this number before the server was restored: nobody has it now."""
    if len(number) != DEVICE_CHARS or not set(number) <= set(ALPHABET) or len(await known_epochs(org, database)) == 1:
        return False
    return await database.one(org.session.number_holder, number=DeviceNumber(number)) is None


async def take_back(org: Org, caller: Caller, number: str) -> bool:
    """Give a device one more number back under which it sends what it had sent before, in a transaction of its own.
    False where somebody has the number, or may have had it."""
    async with transaction(org.beside) as database:
        if caller.number is None or not await may_take_back(org, database, number):
            return False
        holder = await database.one(org.session.number_holder, number=caller.number)
        assert holder is not None, "a session names a number that is there"
        whose = {"user_id": caller.user_id, "device_id": caller.device_id, "key_hash": holder[0]}
        await database.run(org.session.add_number, number=number, issued_at=org.world.clock.now(), **whose)
        return True


async def known_epochs(org: Org, database: Database) -> list[Epoch]:
    """Every epoch of this database, the first one first."""
    return [Epoch(*row) for row in await database.rows(org.read.epochs)]
