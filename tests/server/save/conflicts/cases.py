"""Every case of the table, and all of them run at once: set up in bulk, saved in a few uploads, then read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tests.server.lab import Lab, Phone, create, delete, update
from tests.server.save.conflicts.pack import FIELDS, NAMES

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Change, Item, Operation, Outcome, Transaction

BASE, MINE, THEIRS = "base", "mine", "theirs"
UPLOAD_TRANSACTIONS = 400
_ALL = 'SELECT row_to_json(t) FROM "{}" t'
Rows = dict[str, dict[str, dict[str, Any]]]
"""Every row by object and id."""
SERVERS = ("none", "same", "other", "field", "deleted", "submitted", "unlocked")
EDITS = ("update_root", "update_detail", "delete_root", "delete_detail", "create")


@dataclass(frozen=True)
class Case:
    """One combination. `who` made the server's change: tom, the person's iphone, or the device itself (`chain`)."""

    kind: str
    server: str
    device: str
    edit: str
    policy: str
    who: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.server}-{self.who}-{self.device}-{self.edit}-{self.policy}"

    @property
    def root(self) -> str:
        return NAMES[self.kind]

    @property
    def object(self) -> str:
        """The object that is edited."""
        return self.root if self.edit.endswith("_root") else f"{self.root}_Line"

    @property
    def changed(self) -> str:
        """The object that the server's change is made to: what is edited; for a new detail and a submit the root."""
        at_root = self.edit == "create" or self.server in ("submitted", "unlocked")
        return self.root if at_root else self.object

    @property
    def column(self) -> str:
        return FIELDS[self.policy]


def all_cases() -> Iterator[Case]:
    """Every combination that can happen."""
    for kind in NAMES:
        for server in SERVERS:
            for who, device in _makers(server):
                for edit in EDITS:
                    for policy in FIELDS if edit.startswith("update") else ("error",):
                        yield Case(kind, server, device, edit, policy, who)


def _makers(server: str) -> Iterable[tuple[str, str]]:
    if server == "none":
        return [("nobody", "seen")]
    if server == "unlocked":  # only an admin does that
        return [("admin", "seen"), ("admin", "unseen")]
    # What a device did itself it knows.
    return [("tom", "seen"), ("tom", "unseen"), ("iphone", "seen"), ("iphone", "unseen"), ("chain", "seen")]


@dataclass
class Told:
    """What became of a case: the outcome, and the rows as they are afterwards, by id."""

    ids: dict[str, RecordId]
    """Object to the case's record; the new detail under `new`."""
    who: RecordId | None
    outcome: Outcome
    journal: dict[str, Any]
    """The transaction's row and its records."""
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    after: dict[str, dict[str, Any]] = field(default_factory=dict)


class Run:
    """All cases on one org. `told` has each case's end; `rows` every row by object and id."""

    def __init__(self, lab: Lab, cases: list[Case]) -> None:
        self.lab, self.cases = lab, cases
        for name in ("sarah", "tom"):
            lab.person(name)
        self.phones = {"tom": lab.phone("tom"), "iphone": lab.phone("sarah", "iphone"), "admin": lab.phone("admin")}
        self.ipad = self.phones["chain"] = lab.phone("sarah")
        self.ids = self._seed()
        self.seeded = self._rows()
        lab.clock.advance(600)
        self.changed_at = lab.clock.now()
        self.chained = self._change()
        self.before = self._rows()
        lab.clock.advance(600)
        self.told = self._edit()

    def _seed(self) -> dict[Case, dict[str, RecordId]]:
        values = dict.fromkeys((*FIELDS.values(), "Other"), BASE)
        saved = {"Status": "Saved"}
        signed = {"Signature": "c2lnbg==", "Signed_On": "2026-03-01T09:00:00+00:00", **saved}
        found: dict[Case, dict[str, RecordId]] = {case: {} for case in self.cases}
        for root in NAMES.values():
            cases = [case for case in self.cases if case.root == root]
            closes = root in (NAMES["call"], NAMES["order"])
            begins = (signed if closes and case.server in ("submitted", "unlocked") else saved for case in cases)
            named = ({"Name": str(case)[:80], **values} for case in cases)
            roots = self.lab.rows(root, *(one | more for one, more in zip(named, begins, strict=True)))
            lines = self.lab.rows(f"{root}_Line", *({"Name": "line", "RootId": one, **values} for one in roots))
            for case, root_id, line_id in zip(cases, roots, lines, strict=True):
                found[case] = {root: root_id, f"{root}_Line": line_id}
        return found

    def _rows(self) -> Rows:
        names = [name for root in NAMES.values() for name in (root, f"{root}_Line")]
        return {name: {row["Id"]: row for (row,) in self.lab.query(_ALL.format(name))} for name in names}

    def _change(self) -> dict[Case, int]:
        """Make the server's changes; for those of the device itself, the queue numbers that it names in `after`."""
        saves: dict[str, list[Transaction]] = defaultdict(list)
        numbers: dict[Case, int] = {}
        unlocks: list[Transaction] = []
        for case in self.cases:
            if case.server == "none":
                continue
            phone = self.phones[case.who]
            saves[case.who].append(phone.save(self._server_item(case)))
            if case.who == "chain":
                numbers[case] = phone.n
        for case in self.cases:
            if case.server == "unlocked":
                record = self.ids[case][case.root]
                unlocks.append(self.phones["admin"].save(update(case.root, record, Unlocked=(False, True))))
        for who, transactions in saves.items():
            self._upload(self.phones[who], transactions)
        self._upload(self.phones["admin"], unlocks)
        return numbers

    def _server_item(self, case: Case) -> Item:
        record = self.ids[case][case.changed]
        stamp = self.seeded[case.changed][record]["_stamp"]
        match case.server:
            case "same":
                return update(case.changed, record, None, **{case.column: (BASE, MINE)})
            case "other":
                return update(case.changed, record, Other=(BASE, THEIRS))
            case "field":
                return update(case.changed, record, None, **{case.column: (BASE, THEIRS)})
            case "deleted":
                return delete(case.changed, record, stamp)
            case _:
                return update(case.root, record, Status=("Saved", "Submitted"))

    def _edit(self) -> dict[Case, Told]:
        transactions = {case: self.ipad.save(self._device_item(case)) for case in self.cases}
        outcomes = self._upload(self.ipad, list(transactions.values()))
        journal = self._journal()
        self.rows = rows = self._rows()
        users = {"tom": self.phones["tom"].session.user.id, "admin": self.phones["admin"].session.user.id}
        return {
            case: Told(
                self.ids[case],
                users.get(case.who, self.ipad.session.user.id),
                outcomes[transaction.n],
                journal[transaction.n],
                {name: self.before[name].get(record, {}) for name, record in self._records(case)},
                {name: rows[name].get(record, {}) for name, record in self._records(case)},
            )
            for case, transaction in transactions.items()
        }

    def _records(self, case: Case) -> list[tuple[str, RecordId]]:
        return [(name, record) for name, record in self.ids[case].items() if name != "new"]

    def _device_item(self, case: Case) -> Item:
        known = self.before if case.device == "seen" else self.seeded
        record = self.ids[case][case.object]
        row, root = known[case.object][record], known[case.root][self.ids[case][case.root]]
        match case.edit:
            case "create":
                self.ids[case]["new"] = self.ipad.new_id(case.object)
                values = {"Name": "new", "RootId": self.ids[case][case.root], case.column: MINE}
                item = create(case.object, self.ids[case]["new"], **values)
            case "delete_root" | "delete_detail":
                item = delete(case.object, record, row["_stamp"])
            case _:
                changes = {case.column: Change(row[case.column], MINE)}
                item = Item(case.object, record, Operation.UPDATE, changes, row["_stamp"])
        after = self.chained.get(case) if case.changed == case.object and case.edit != "create" else None
        root_seen = root["_stamp"] if case.object != case.root else 0
        return msgspec.structs.replace(item, after=after, root_seen=root_seen)

    def _journal(self) -> dict[int, dict[str, Any]]:
        query = """SELECT t."Queue_Number", t."Outcome", string_agg(r."Field_Values", ' '), count(r."Id")
            FROM "Sync_Transaction" t JOIN "Sync_Transaction_Record" r ON r."Sync_TransactionId" = t."Id"
            WHERE t."Device_Number" = %(device)s GROUP BY 1, 2"""
        rows = self.lab.query(query, device=self.ipad.number)
        return {n: {"outcome": outcome, "values": values, "records": count} for n, outcome, values, count in rows}

    def _upload(self, phone: Phone, transactions: list[Transaction]) -> dict[int, Outcome]:
        found: dict[int, Outcome] = {}
        for start in range(0, len(transactions), UPLOAD_TRANSACTIONS):
            response = phone.upload(*transactions[start : start + UPLOAD_TRANSACTIONS])
            assert response.fork_at is None
            found.update({result.n: result.outcome for result in response.results})
        return found
