"""A device whose server is a script: tests put hand-made protocol values in, and look at what the device sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fieldsync.base.ids import DeviceNumber, RecordId, mint
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.device import Device, Reply, Unreachable
from fieldsync.device.transport import Heard, NotStreamed
from fieldsync.protocol import download as lines
from fieldsync.protocol import refresh as refreshing
from fieldsync.protocol import wire
from fieldsync.protocol.digest import Digest, ObjectDigest, Version, sums
from fieldsync.protocol.feed import Outcomes
from fieldsync.protocol.rows import Gone, RowBlock, decode_rows
from fieldsync.protocol.session import DeviceDescription, History, Platform, Session, Settings, Tokens, UserInfo
from fieldsync.protocol.tracking import Tracking
from fieldsync.protocol.upload import (
    Item,
    Outcome,
    Rejected,
    Result,
    Saved,
    UploadRequest,
    UploadResponse,
    decode_items,
)
from fieldsync.schema.catalog import Catalog, build, encode
from fieldsync.schema.family.declaration import EditedElsewhere, FamilyDeclaration, Submit
from fieldsync.schema.model import Field, FieldType, NameField, Object, Pack, PicklistValue

KEY = bytes(range(32))
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NUMBER = DeviceNumber("00D01")
SERVER = DeviceNumber("SRV01")
_JSON = {"content-type": wire.CONTENT_JSON}
_ENCODER = msgspec.json.Encoder(decimal_format="number")
Answer = Any
"""A struct, bytes, an Exception, a Reply, a list of lines, or a function of the body that gives one."""


def catalog(*, more: tuple[Field, ...] = ()) -> Catalog:
    """A shop, and a visit with lines and parts of lines: a family that can be submitted."""
    user = Object(name="User", label="User", prefix="005", system=True)
    line = _detail("Visit_Line", "a02", "VisitId", "Visit", Field(name="Product", type=FieldType.TEXT, length=20))
    part = _detail("Line_Part", "a03", "LineId", "Visit_Line", Field(name="Size", type=FieldType.TEXT))
    return build([Pack(name="small", label="Small", objects=(user, _shop(more), _visit(), line, part))])


def _shop(more: tuple[Field, ...]) -> Object:
    fields = (
        Field(name="City", type=FieldType.TEXT, length=40),
        Field(name="Score", type=FieldType.NUMBER, precision=8, scale=2),
        Field(name="Big", type=FieldType.NUMBER, precision=18, scale=2),
        Field(name="Visits", type=FieldType.NUMBER, precision=6, scale=0),
        Field(name="Active", type=FieldType.CHECKBOX),
        Field(name="ParentId", type=FieldType.LOOKUP, references="Shop"),
        *more,
    )
    return Object(name="Shop", label="Shop", prefix="a00", fields=fields)


def _visit() -> Object:
    stages = (PicklistValue(value="Open", default=True), PicklistValue(value="Closed"))
    submit = Submit(field="Stage", value="Closed", when_edited_elsewhere=EditedElsewhere.DUPLICATE)
    fields = (
        Field(name="ShopId", type=FieldType.LOOKUP, references="Shop", required=True),
        Field(name="Stage", type=FieldType.PICKLIST, values=stages),
        Field(name="Notes", type=FieldType.TEXT),
    )
    family = FamilyDeclaration(submit=submit)
    return Object(name="Visit", label="Visit", prefix="a01", name_field=_NUMBERED, family=family, fields=fields)


def _detail(name: str, prefix: str, column: str, master: str, own: Field) -> Object:
    fields = (Field(name=column, type=FieldType.MASTER_DETAIL, references=master), own)
    return Object(name=name, label=name, prefix=prefix, name_field=_NUMBERED, fields=fields)


_NUMBERED = NameField(type=FieldType.AUTO_NUMBER, display_format="V-{0000}")


class Script:
    """The server's side of the wire, as a test wrote it. What is not scripted is unreachable."""

    def __init__(self, data_model: Catalog) -> None:
        self.catalog = data_model
        self.answers: dict[str, list[Answer]] = {}
        self.always: dict[str, Answer] = {"feed/outcomes": Outcomes(())}
        self.asked: list[tuple[str, str, bytes | None]] = []
        self.tracked: list[Tracking] = []
        """What was told of syncs; it is no part of any."""

    def then(self, path: str, *answers: Answer) -> None:
        """The next answers on a path: a struct, an Exception, a Reply, a list of lines, or a function of the body."""
        self.answers.setdefault(path, []).extend(answers)

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """One thing after another: it is sent when its answer is asked for."""
        return lambda: self.request(method, path, body, headers)

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        if path.endswith("/tracking"):
            self.tracked.append(wire.decode(body or b"", Tracking))
        else:
            self.asked.append((method, path, body))
        answer = self._next(path)
        if callable(answer):
            answer = answer(body or b"")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reply):
            return answer
        return Reply(200, _JSON, answer if isinstance(answer, bytes) else _ENCODER.encode(answer))

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        self.asked.append(("GET" if body is None else "POST", path, body))
        answer = self._next(path)
        if callable(answer):
            answer = answer(b"")
        if isinstance(answer, Reply):
            raise NotStreamed(answer)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, list)
        yield from answer

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        raise Unreachable("no stream")

    def hang_up(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is held."""

    def _next(self, path: str) -> Answer:
        name = path.partition("?")[0].removeprefix("/sync/v1/")
        if self.answers.get(name):
            return self.answers[name].pop(0)
        return self.always.get(name, Unreachable(f"{name} is not scripted"))

    @property
    def uploads(self) -> list[UploadRequest]:
        """Every upload so far."""
        return [
            msgspec.json.decode(body or b"", type=UploadRequest)
            for _, path, body in self.asked
            if path.endswith("/upload")
        ]


class Lab:
    """One device in a folder, signed in, with an empty first download behind it."""

    def __init__(self, folder: Path, *, data_model: Catalog | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock(START)
        self.world = World(self.clock, SeededChance(7))
        self.script = Script(data_model or catalog())
        self.settings = Settings(poll_seconds=30.0, heartbeat_seconds=20.0, items_per_transaction=10, overdue_days=3)
        self.device = Device.open(folder, KEY, world=self.world, transport=self.script)
        self.sign_in()

    def sign_in(self, *, history: History | None = None) -> None:
        """As a person does, or again after a change of the data model. `history`: of a server that was restored."""
        user = UserInfo(mint("005", SERVER, 1), "sarah@small.example", "Sarah Jones", "Rep", "UTC", "en")
        version = self.script.catalog.version
        session = Session(Tokens("access", "refresh", 3600, history), user, "org1", NUMBER, self.settings, version)
        self.script.then("session", session)
        self.script.always["catalog"] = encode(self.script.catalog)
        self.script.always["feed"] = Unreachable("no feed in this test")
        key = self.device.new_device_key()
        self.device.sign_in("small", "sarah", "a password", DeviceDescription(key, "ipad", Platform.IPAD, "1", "1"))

    def reopen(self) -> None:
        """As after a restart."""
        self.device.close()
        self.device = Device.open(self.folder, KEY, world=self.world, transport=self.script)

    def server_id(self, object_name: str, number: int) -> RecordId:
        """The id of a record that was made online."""
        return mint(self.script.catalog[object_name].prefix, SERVER, number)

    def block(self, object_name: str, *rows: Mapping[str, Any]) -> RowBlock:
        """Rows on the wire; each needs Id and _stamp, missing columns are null."""
        object_type = self.script.catalog[object_name]
        computed = [f.name for f in object_type.formulas if any(f.name in row for row in rows)]
        columns = ("_stamp", *object_type.columns, *computed)
        data = _ENCODER.encode([[row.get(c) for c in columns] for row in rows])
        return RowBlock(object_name, columns, msgspec.Raw(data))

    def download(self, *blocks: RowBlock, gone: tuple[Gone, ...] = (), full: bool = True) -> None:
        """One sync that brings this: everything anew, or what changed."""
        if full:
            self.script.then("refresh", self.refresh_lines(*blocks))
        told = self.lines(digest=self.digest(*blocks)) if full else self.lines(*blocks, gone=gone)
        self.script.then("download", told)
        self.device.sync("full" if full else "incremental")

    def digest(self, *blocks: RowBlock) -> Digest:
        """What a server that has these rows says of them."""
        rows: dict[str, list[tuple[str, int]]] = {}
        for block in blocks:
            rows.setdefault(block.object, []).extend((row[1], row[0]) for row in decode_rows(block))
        return Digest("label", tuple(ObjectDigest(name, Version.STAMP, sums(found)) for name, found in rows.items()))

    def lines(
        self, *blocks: RowBlock, gone: tuple[Gone, ...] = (), full: bool = False, digest: Digest | None = None
    ) -> list[bytes]:
        """The lines of an incremental download; `full`: of a server that can only send everything."""
        names = tuple(self.script.catalog.objects)
        found = [lines.encode_line(lines.Head(full, self.script.catalog.version, names))]
        found += [lines.encode_line(lines.Rows(block)) for block in blocks]
        if gone:
            found.append(lines.encode_line(lines.Removed(gone)))
        end = lines.End("checkpoint", "cursor", len(blocks), "2026-03-02T08:00:00+00:00", digest)
        return [*found, lines.encode_line(end)]

    def refresh_lines(self, *blocks: RowBlock, resumed: bool = False) -> list[bytes]:
        """The lines of a refresh, with a mark behind each block."""
        begin = refreshing.Begin(self.script.catalog.version, "first checkpoint", len(blocks), resumed)
        found = [refreshing.encode_line(begin)]
        for number, block in enumerate(blocks, 1):
            found.append(refreshing.encode_line(refreshing.Part(block.object, block.columns)))
            found.append(bytes(block.rows) + b"\n")
            found.append(refreshing.encode_line(refreshing.Mark(f"mark {number}")))
        return [*found, refreshing.encode_line(refreshing.Done())]

    def saved(self, **values: Any) -> Callable[[bytes], UploadResponse]:
        """An answer that saves everything; `values` are what the server made of every row beside what was sent."""
        return lambda body: self._answer(body, Saved(), values)

    def outcome(self, outcome: Outcome) -> Callable[[bytes], UploadResponse]:
        """An answer with this outcome for every transaction, and no rows."""
        return lambda body: UploadResponse(
            tuple(Result(t.n, t.id, outcome) for t in msgspec.json.decode(body, type=UploadRequest).transactions)
        )

    def _answer(self, body: bytes, outcome: Outcome, values: Mapping[str, Any]) -> UploadResponse:
        request = msgspec.json.decode(body, type=UploadRequest)
        results: dict[int, Result] = {}
        rows: dict[str, list[dict[str, Any]]] = {}
        gone: list[Gone] = []
        for transaction in request.transactions:
            items = decode_items(transaction.items)
            refs = tuple((i.object, i.id) for i in items)
            known = results.get(transaction.n)
            touched = (*(known.touched if known else ()), *refs)
            results[transaction.n] = Result(transaction.n, transaction.id, outcome, touched)  # type: ignore[arg-type]
            for item in items:
                if item.operation == "delete":
                    gone.append(Gone(item.object, item.id, 100 + transaction.n))
                else:
                    rows.setdefault(item.object, []).append(self._row(item, 100 + transaction.n) | dict(values))
        blocks = tuple(self.block(name, *found) for name, found in rows.items())
        return UploadResponse(tuple(results.values()), blocks, tuple(gone))

    def _row(self, item: Item, stamp: int) -> dict[str, Any]:
        here = self.device.get(item.object, item.id)
        values = dict(here.values) if here else {}
        return values | {c: x.new for c, x in item.changes.items()} | {"Id": item.id, "_stamp": stamp}

    def upload(self, *answers: Answer) -> None:
        """Step until these answers were given."""
        self.script.then("upload", *answers)
        for _ in range(50):
            if self.script.answers["upload"]:
                self.device.step()
        assert not self.script.answers["upload"], "the device did not ask for every answer"


def rejected(code: Code = Code.VALIDATION, **details: Any) -> Rejected:
    """A refusal by the server."""
    return Rejected((problem(code, message="no", **details),))


def error(status: int, reason: Problem, **headers: str) -> Reply:
    """An error answer."""
    return Reply(
        status, {**_JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}, _ENCODER.encode({"problem": reason})
    )


def items_of(request: UploadRequest) -> list[tuple[int, list[Item]]]:
    """What an upload carried: number and items of each transaction."""
    return [(t.n, list(decode_items(t.items))) for t in request.transactions]
