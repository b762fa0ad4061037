"""The conformance suites of the query language: published queries with verdicts, and data with the rows they select,
which are executed on PostgreSQL and on the device's SQLite.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from fieldsync.base.world import system_world
from fieldsync.cli.report import say, show_json, show_table
from fieldsync.device.store.connect import KEY_BYTES, connect
from fieldsync.device.store.objects import object_tables, quoted
from fieldsync.schema.catalog import Catalog, ObjectType, build
from fieldsync.schema.fields import TYPES
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.own.columns import Sql
from fieldsync.soql import SoqlError, escape, parse, parse_condition
from fieldsync.soql.compile.shape import Record
from fieldsync.soql.compile.statement import run
from fieldsync.soql.nodes import Boolean, Comparison, Currency, DateLiteral, Moment, Number, Query
from fieldsync.soql.sql.statement import query as postgres_query
from fieldsync.soql.sqlite.functions import register
from fieldsync.soql.sqlite.statement import query as sqlite_query
from fieldsync.soql.values import Context

Case = Mapping[str, Any]
Answer = Callable[[Query, Catalog, Context], list[Record]]


@dataclass(frozen=True)
class Failure:
    """One case that is not as expected."""

    id: str
    expected: object
    actual: object


@dataclass(frozen=True)
class Result:
    """One suite, on one back-end where it is executed."""

    suite: str
    backend: str | None
    passed: int
    total: int
    failures: tuple[Failure, ...]


def conformance_soql(files: Sequence[Path], *, json: bool = False) -> int:
    """Runs the suites of these files and prints passed and total, then what failed. Returns how many failed."""
    results = [result for path in files for result in run_file(path)]
    failed = [(r, f) for r in results for f in r.failures]
    if json:
        for r in results:
            show_json({"suite": r.suite, "backend": r.backend, "passed": r.passed, "total": r.total})
        for r, f in failed:
            show_json({"suite": r.suite, "backend": r.backend, **asdict(f)})
    else:
        rows = [(r.suite, r.backend or "", r.passed, r.total) for r in results]
        show_table("SOQL conformance", ("suite", "back-end", "passed", "total"), rows)
        for r, f in failed:
            say(f"{r.suite} {r.backend or ''} {f.id}: expected {f.expected}, got {f.actual}")
    return len(failed)


def run_file(path: Path) -> list[Result]:
    """The results of one file's suites, as far as it has them."""
    data = msgspec.json.decode(path.read_bytes())
    found = [_result(name, None, check(data[name])) for name, check in SUITES.items() if name in data]
    return [*found, *_executed(data["executed"])] if "executed" in data else found


def _result(suite: str, backend: str | None, checks: Iterable[Failure | None]) -> Result:
    outcomes = list(checks)
    failures = tuple(f for f in outcomes if f is not None)
    return Result(suite, backend, len(outcomes) - len(failures), len(outcomes), failures)


def _failure(case_id: str, expected: object, actual: object) -> Failure | None:
    return None if expected == actual else Failure(case_id, expected, actual)


def _verdicts(cases: Sequence[Case], expected: str) -> Iterator[Failure | None]:
    for number, case in enumerate(cases):
        binds = bool(case.get("options", {}).get("allowApexBindVariables"))
        case_id = f"{case.get('src') or case.get('repo')}#{case.get('n', number)}: {case['soql']}"
        yield _failure(case_id, expected, _verdict(case["soql"], binds=binds))


def _verdict(text: str, *, binds: bool) -> str:
    try:
        parse(text, binds=binds)
    except SoqlError:
        return "refused"
    return "valid"


KINDS: Mapping[str, Callable[[object], bool]] = {
    "date_or_datetime_or_date_literal": lambda value: isinstance(value, Moment | DateLiteral),
    "currency": lambda value: isinstance(value, Number | Currency),
    "boolean": lambda value: isinstance(value, Boolean),
    "integer": lambda value: isinstance(value, Number) and isinstance(value.value, int),
    "float": lambda value: isinstance(value, Number),
}


def _literals(suites: Mapping[str, Any]) -> Iterator[Failure | None]:
    for kind, is_kind in KINDS.items():
        for verdict in ("valid", "invalid"):
            for text in suites.get(kind, {}).get(verdict, ()):
                actual = "valid" if is_kind(_literal(text)) else "invalid"
                yield _failure(f"{kind}: {text!r}", verdict, actual)


def _literal(text: str) -> object:
    try:
        found = parse_condition(f"Field = {text}")
    except SoqlError:
        return None
    return found.right[0] if isinstance(found, Comparison) and isinstance(found.right, tuple) else None


SUITES: Mapping[str, Callable[[Any], Iterator[Failure | None]]] = {
    "valid": lambda cases: _verdicts(cases, "valid"),
    "invalid": lambda cases: _verdicts(cases, "refused"),
    "real_queries": lambda cases: _verdicts(cases, "valid"),
    "literal_validity": _literals,
    "string_escapes": lambda cases: (_failure(c["name"], c["escaped"], escape(c["input"])) for c in cases),
}


def _executed(suite: Mapping[str, Any]) -> Iterator[Result]:
    datasets = {n: Dataset(data["tables"], data.get("relationships", {})) for n, data in suite["datasets"].items()}
    for backend, opened in (("postgres", _on_postgres), ("sqlite", _on_sqlite)):
        with opened(datasets) as answers:
            yield _result("executed", backend, [_check(case, datasets, answers) for case in suite["cases"]])


def _check(case: Case, datasets: Mapping[str, Dataset], answers: Mapping[str, Answer]) -> Failure | None:
    case_id, context = f"{case['dataset']}: {' '.join(case['soql'].split())}", Context(system_world().clock.now())
    try:
        query = parse(case["soql"])
        actual: object = answers[case["dataset"]](query, datasets[case["dataset"]].catalog, context)
    except SoqlError as refused:
        return Failure(case_id, case["expected"], str(refused))
    if isinstance(case["expected"], int) and isinstance(actual, list):
        actual = actual[0]["expr0"]  # COUNT() as the number alone
    found = [_comparable(case["expected"]), _comparable(actual)]
    if not query.order:
        found = [sorted(rows, key=repr) if isinstance(rows, list) else rows for rows in found]
    return _failure(case_id, *found)


def _comparable(value: Any) -> Any:
    """One form for what both sides may write differently: key case, number form, time zone, empty lists."""
    if isinstance(value, dict):
        return dict(sorted((key.lower(), _comparable(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return [_comparable(inner) for inner in value] or None
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    moment = Field(name="", type=FieldType.DATETIME)
    return TYPES[moment.type].check(moment, value) if isinstance(value, str) and _fits(moment, value) else value


class Dataset:
    """Tables of the suite as a catalog and rows. Field types follow from the values."""

    def __init__(self, tables: Mapping[str, Sequence[Case]], relationships: Mapping[str, Mapping[str, Any]]) -> None:
        self.tables = tables
        lists = [(parent, n, child) for parent, ways in relationships.items() for n, child in ways.items()]
        children = {(child[0], parent): n for parent, n, child in lists if isinstance(child, list)}
        up = {t: {n: way for n, way in relationships.get(t, {}).items() if not isinstance(way, list)} for t in tables}
        self.ways = {t: {n: _way(n, way) for n, way in ways.items()} for t, ways in up.items()}
        objects = tuple(
            Object(name, name, prefix=f"{number:03}", fields=tuple(self._fields(name, children)))
            for number, name in enumerate(tables)
        )
        self.catalog = build([Pack("conformance", "Conformance", objects)])

    def _fields(self, name: str, children: Mapping[tuple[str, str], str]) -> Iterator[Field]:
        ways = self.ways[name]
        columns = dict.fromkeys(c for row in self.tables[name] for c in row)
        shared = {column for column, _ in ways.values()}
        for column in columns:
            if column not in ("Id", "Name", *(shared if len(shared) == len(ways) else ())):
                yield _typed(column, [row.get(column) for row in self.tables[name]])
        for relationship, (column, target) in ways.items():
            yield Field(
                name=column if len(shared) == len(ways) else f"{column}_{relationship}",
                type=FieldType.LOOKUP,
                references=target,
                relationship=relationship,
                children=children.get((name, target)),
            )

    def rows(self, object_type: ObjectType) -> Iterator[dict[str, Any]]:
        """Rows by column; a reference that several relationships share is given to each."""
        for row in self.tables[object_type.name]:
            values = dict(row)
            for relationship, (column, _) in self.ways[object_type.name].items():
                values[f"{column}_{relationship}"] = row.get(column)
            typed = {c: _value(object_type.column_fields[c], values.get(c)) for c in object_type.columns}
            yield {**typed, "IsDeleted": False}


def _way(name: str, way: Any) -> tuple[str, str]:
    """Column and object of a relationship up."""
    return (f"{name}Id", way) if isinstance(way, str) else (way["id"], way["resolver"])


def _typed(name: str, values: Sequence[Any]) -> Field:
    there = [v for v in values if v is not None and v != ""]
    for kind in (FieldType.CHECKBOX, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME):
        field = Field(name=name, type=kind, scale=4)
        if there and all(_fits(field, v) for v in there):
            return field
    several = any(";" in v for v in there)
    return Field(name=name, type=FieldType.MULTI_PICKLIST if several else FieldType.TEXT, restricted=False)


def _fits(field: Field, value: Any) -> bool:
    try:
        return TYPES[field.type].check(field, value) is not None
    except ValueError:
        return False


def _value(field: Field, value: Any) -> Any:
    """As a table holds it; empty texts stay empty, to see that they count as null."""
    if field.type in (FieldType.DATETIME, FieldType.NUMBER) and value is not None:
        return TYPES[field.type].check(field, value)
    return value


@contextmanager
def _on_sqlite(datasets: Mapping[str, Dataset]) -> Iterator[dict[str, Answer]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {name: _sqlite(Path(folder) / f"{name}.db", data) for name, data in datasets.items()}


def _sqlite(path: Path, dataset: Dataset) -> Answer:
    connection = connect(path, bytes(KEY_BYTES))
    register(connection)
    for table in object_tables(dataset.catalog):
        for statement in table.ddl():
            connection.execute(statement)
        for row in dataset.rows(table.type):
            names, places = ", ".join(map(quoted, row)), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({places})", tuple(row.values()))  # noqa: S608

    def answer(query: Query, catalog: Catalog, context: Context) -> list[Record]:
        compiled = sqlite_query(query.bind(catalog), context)
        return run(compiled, lambda sql: connection.execute(sql.text, sql.values).fetchall())

    return answer


@contextmanager
def _on_postgres(datasets: Mapping[str, Dataset]) -> Iterator[dict[str, Answer]]:
    with tempfile.TemporaryDirectory(prefix="fsc-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root, PostgreSQL runs as another account
        with EmbeddedPostgres.start(Path(folder) / "pg") as server, ExitStack() as stack:
            with admin_connection(server.uri) as connection:
                for name in datasets:
                    connection.execute(sa.schema.CreateSchema(name))
            opened = {name: stack.enter_context(admin_connection(server.uri, name)) for name in datasets}
            yield {name: _postgres(opened[name], data) for name, data in datasets.items()}


def _postgres(connection: AdminConnection, dataset: Dataset) -> Answer:
    for object_type in dataset.catalog:
        columns = [sa.Column(n, Sql(TYPES[f.type].sql(f))) for n, f in object_type.column_fields.items()]
        table = sa.Table(object_type.name, sa.MetaData(), *columns)
        table.create(connection)
        for row in dataset.rows(object_type):
            connection.execute(sa.insert(table).values(row))

    def answer(query: Query, catalog: Catalog, context: Context) -> list[Record]:
        compiled = postgres_query(query.bind(catalog), catalog, context)
        with connection.begin_nested():
            return run(compiled, lambda statement: [tuple(row) for row in connection.execute(statement)])

    return answer
