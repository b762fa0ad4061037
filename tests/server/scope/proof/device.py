"""A model of a device: records by object and id, taken in as the engine does, and what every answer must not do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.server.lab import Phone
from tests.server.scope.proof.conditions import Row
from tests.server.scope.proof.facts import Whom
from tests.server.scope.proof.oracle import Oracle

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.download import Head, Line, Removed, Rows
from fieldsync.protocol.feed import FeedPage
from fieldsync.protocol.rows import Gone, RowBlock, decode_rows
from fieldsync.protocol.upload import UploadResponse

if TYPE_CHECKING:
    from tests.server.scope.proof.world import World

ANEW = (Code.REFRESH_REQUIRED, Code.FORK)
DETAILS = {"Visit": ("Visit_Line", "VisitId"), "Shop": ("Link", "ShopId")}


@dataclass
class Stood:
    """How things were when the device last had everything: records by what they looked like, and their shapes."""

    versions: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    shapes: dict[str, object] = field(default_factory=dict)


@dataclass
class Device:
    """One device of one person in a world; `rows` is what its store holds."""

    world: World
    phone: Phone
    whom: Whom
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    got: set[str] = field(default_factory=set)
    """Every id it was ever sent."""
    stood: Stood = field(default_factory=Stood)
    syncs: int = 0

    def sync(self) -> None:
        """A download from where it stands, taken in; then it must hold exactly what the oracle says."""
        lines = self._lines()
        head = lines[0]
        assert isinstance(head, Head)
        if head.full:
            self.rows.clear()
        oracle = self.world.oracle(self.whom)
        for line in lines:
            if isinstance(line, Rows):
                if not head.full:
                    self._nothing_for_nothing(oracle, line.block)
                self._take(line.block)
            elif isinstance(line, Removed):
                self._nothing_unknown(line.gone)
                self._drop(line.gone)
        self.check(oracle)
        self._stand(oracle)
        self.syncs += 1

    def _lines(self) -> list[Line]:
        try:
            return self.phone.download()
        except Refused as refused:
            if refused.problem.code not in ANEW:
                raise
            self.phone.checkpoint = None
            return self.phone.download()

    def check(self, oracle: Oracle) -> None:
        """What it holds is what it should, field by field."""
        expected = oracle.expected()
        for name in {*expected, *self.rows}:
            mine = {i: _filled(row) for i, row in self.rows.get(name, {}).items()}
            should = {i: _filled(row) for i, row in expected.get(name, {}).items()}
            missing, more = should.keys() - mine.keys(), mine.keys() - should.keys()
            assert not missing, f"{name}: {sorted(missing)} should be there"
            assert not more, f"{name}: {sorted(more)} should not be there"
            for record_id, row in should.items():
                found = {k: v for k, v in mine[record_id].items() if k != "_stamp"}
                assert found == row, f"{name} {record_id} differs: {_difference(found, row)}"

    def _nothing_for_nothing(self, oracle: Oracle, block: RowBlock) -> None:
        """A row comes because it entered, was written, shows something written, or its kind looks different now."""
        name, facts = block.object, oracle.facts
        if self.stood.shapes.get(name) != oracle.shape(name):
            return
        known = self.stood.versions.get(name, {})
        for row in decode_rows(block):
            now = facts.version(name, facts.rows[name][row[1]])
            assert known.get(row[1]) != now, f"{name} {row[1]} came again for nothing"

    def _nothing_unknown(self, gone: Iterable[Gone]) -> None:
        """What goes was sent to it, or might have come by the feed."""
        for one in gone:
            known = one.id in self.got or one.id in self.world.fed[self.whom.user]
            assert known, f"{one.object} {one.id} goes, and was never here"

    def _stand(self, oracle: Oracle) -> None:
        facts = oracle.facts
        self.stood = Stood(
            {name: {i: facts.version(name, facts.rows[name][i]) for i in found} for name, found in self.rows.items()},
            {name: oracle.shape(name) for name in oracle.rules},
        )

    def take_answer(self, answer: UploadResponse | FeedPage) -> None:
        """An upload's response, or a page of the feed with whole families."""
        for block in answer.rows:
            self._take(block)
            self.world.fed[self.whom.user] |= {row[1] for row in decode_rows(block)}
        self.world.fed[self.whom.user] |= {one.id for one in answer.gone}
        self._drop(answer.gone)
        if isinstance(answer, FeedPage):
            for family in answer.families:
                self._keep_members(family.root.object, family.root.id, {m.id for m in family.members})

    def _keep_members(self, name: str, root: str, members: set[str]) -> None:
        if name != "Visit":
            return
        lines = self.rows.get("Visit_Line", {})
        held = [i for i, row in lines.items() if row.get("VisitId") == root and i not in members]
        for record_id in held:
            del lines[record_id]

    def _take(self, block: RowBlock) -> None:
        """Rows are written unless a newer version is there."""
        held = self.rows.setdefault(block.object, {})
        for values in decode_rows(block):
            row: dict[str, Any] = dict(zip(block.columns, values, strict=True))
            self._may_know(row["Id"])
            self.got.add(row["Id"])
            if row["Id"] not in held or row["_stamp"] >= held[row["Id"]]["_stamp"]:
                held[row["Id"]] = row

    def _drop(self, gone: Iterable[Gone]) -> None:
        for one in gone:
            if one.id not in self.world.fed[self.whom.user]:
                self._may_know(one.id)
            held = self.rows.get(one.object, {})
            if one.id in held and (one.stamp == 0 or held[one.id]["_stamp"] <= one.stamp):
                del held[one.id]

    def _may_know(self, record_id: str) -> None:
        assert record_id in self.world.readable[self.whom.user], f"{record_id} was never for this person"

    def remodel(self) -> None:
        """The data model changed: fields that are gone are gone here too."""
        for name, found in self.rows.items():
            fields = self.world.lab.org.catalog[name].fields
            for row in found.values():
                for column in [c for c in row if c not in fields and c != "_stamp"]:
                    del row[column]


def _filled(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _difference(found: Row, should: Row) -> dict[str, tuple[Any, Any]]:
    return {n: (found.get(n), should.get(n)) for n in {*found, *should} if found.get(n) != should.get(n)}
