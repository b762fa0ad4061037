"""What refers to the loser refers to the winner: object by object, as sets; and what becomes the same becomes one."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import bindparam, or_

from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.merge import aliases
from fieldsync.server.merge.fold import Key, folded, key_of, referring, rows_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Frame, Row, Wave, decode_row, encode_rows
from fieldsync.server.save.stamp import ALWAYS_WRITTEN, compose_name
from fieldsync.server.save.statements import locked_rows
from fieldsync.server.save.write import Written


@dataclass
class Mover:
    """Moves rows within one merge. `folds`: records that took others in, with the rows of both."""

    org: Org
    database: Database
    wave: Wave
    folds: list[tuple[RecordRef, list[Row]]] = field(default_factory=list)

    async def move(self, loser: RecordRef, winner: RecordRef) -> list[Written]:
        """Rows of every object that refer to the loser, deleted ones too, refer to the winner; nothing to itself."""
        objects = sorted(self.org.catalog, key=lambda o: o.prefix)
        return [one for object_type in objects for one in await self._move(object_type, loser, winner)]

    async def _move(self, object_type: ObjectType, loser: RecordRef, winner: RecordRef) -> list[Written]:
        columns = referring(object_type, loser.object)
        if not columns:
            return []
        table = self.org.metadata.tables[object_type.name]
        chosen = locked_rows(table, or_(*(table.c[column] == bindparam("loser") for column in columns)))
        rows = await self.database.rows(compile_statement(chosen), loser=loser.id)
        found = [decode_row(text) for (text,) in rows]
        there = await rows_of(self.org, self.database, object_type, winner, locked=True) if found else {}
        moved, gone = list[Written](), list[tuple[Written, Key]]()
        for before in found:
            to = {c: winner.id if before["Id"] != winner.id else None for c in columns if before[c] == loser.id}
            ref, key = RecordRef(object_type.name, before["Id"]), key_of(object_type, before | to)
            if not _has_twin(object_type, before, there.get(key) if key is not None else None):
                moved.append(written_as(self.wave, ref, "updated", before, before | to))
            elif not before["IsDeleted"] and key is not None:
                gone.append((written_as(self.wave, ref, "deleted", before, before | {"IsDeleted": True}), key))
        await self._write(object_type, moved, columns)
        await self._write(object_type, [one for one, _ in gone], ["IsDeleted"])
        return moved + [one for one, _ in gone] + await self._fold(object_type, gone, there)

    async def _fold(
        self, object_type: ObjectType, gone: list[tuple[Written, Key]], there: dict[Key, Row]
    ) -> list[Written]:
        """What the rows that go say, and what refers to them, goes to the rows that are kept."""
        if object_type.declared.bulk is not None:
            return []
        done: list[Written] = []
        for one, key in gone:
            assert one.before is not None
            kept = there[key]
            ref = RecordRef(object_type.name, kept["Id"])
            after = folded(object_type, kept, one.before)
            taken = [column for column in after if after[column] != kept[column]]
            if taken:
                compose_name(object_type, after, set(taken))
                there[key] = after
                written = written_as(self.wave, ref, "updated", kept, after)
                await self._write(object_type, [written], [*taken, "Name"])
                done.append(written)
            done += await self.move(one.ref, ref)
            await aliases.follow(self.database, one.ref, ref.id, self.wave.frame.now)
            self.folds.append((ref, [one.before, kept]))
        return done

    async def _write(self, object_type: ObjectType, written: list[Written], columns: list[str]) -> None:
        if written:
            statement = self.org.save.update(object_type.name, frozenset(columns) | ALWAYS_WRITTEN)
            await self.database.run(statement, rows=encode_rows([one.after for one in written]))


def _has_twin(object_type: ObjectType, row: Row, twin: Row | None) -> bool:
    """Whether another row says the same already. Of rows that are saved, a deleted one is no twin of any. Pure."""
    if twin is None or twin["Id"] == row["Id"]:
        return False
    return object_type.declared.bulk is not None or not row["IsDeleted"]


def written_as(wave: Wave, ref: RecordRef, kind: str, before: Row, after: Row) -> Written:
    """A row as the merge leaves it."""
    frame: Frame = wave.frame
    stamp = {"LastModifiedDate": frame.now, "LastModifiedById": wave.caller.user_id, "SystemModstamp": frame.now}
    return Written(
        wave.works[0], ref, kind, before, after | stamp | {"_stamp": frame.stamp_after(ref.id, before)}, root=ref
    )
