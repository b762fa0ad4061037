"""Open edit sessions: one a thread, sessions inside it join it, the outermost writes (FEATURES B05)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.edit.preview import Author
from fieldsync.device.edit.resend import resend
from fieldsync.device.edit.save import Saved, save
from fieldsync.device.edit.session import Edit
from fieldsync.device.logic.rules import RulesHere
from fieldsync.device.media.texts import Text
from fieldsync.device.merge.base import bases_of_records
from fieldsync.device.queue.at_once import AtOnce
from fieldsync.device.store.records import has_row
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_account, read_settings
from fieldsync.protocol.session import Settings


class Sessions:
    """The edit sessions of one device. `after_save` is called after the commit, outside the lock."""

    def __init__(
        self,
        store: Store,
        numbers: Numbers,
        at_once: AtOnce,
        keep_texts: Callable[[Sequence[Text]], None],
        after_save: Callable[[Saved], None],
    ) -> None:
        """`keep_texts` is called within the save, before any row is written."""
        self._store, self._numbers, self._at_once = store, numbers, at_once
        self._keep_texts, self._after_save = keep_texts, after_save
        self._listed: Mapping[str, Collection[str]] = {}
        self._mine = threading.local()
        self._author: RecordId | None = None
        self._per_part, self._one_way = 0, tuple[str, ...]()
        self._rules: RulesHere | None = None
        self._refusal: Problem | None = None

    def forget_account(self) -> None:
        """Somebody signed in: ask the store again."""
        self._author = None

    def follow_settings(self) -> None:
        """A download may have brought others."""
        with self._store.read() as work:
            self._follow(work, read_settings(work))

    def _follow(self, work: Work, settings: Settings) -> None:
        self._per_part, self._one_way = settings.items_per_transaction, settings.one_way
        self._listed = settings.texts
        account = read_account(work)
        if account is not None and (self._rules is None or not self._rules.serves(account.user, settings.rules_left)):
            self._rules = RulesHere(account.user, settings.rules_left)

    @contextmanager
    def edit(self, *, ruled: bool = True) -> Iterator[Edit]:
        """One save; not `ruled`: the server alone asks the validation rules.

        Raises Refused: AUTH before the first sign-in, SUPPORT_READ_ONLY, and what the acts raise.
        """
        outer: Edit | None = getattr(self._mine, "edit", None)
        if outer is not None:
            before = len(outer.acts)
            try:
                yield outer
            except BaseException:
                del outer.acts[before:]
                raise
            return
        self._know_account()
        edit = Edit(self._store.tables.catalog, self._mint, self._one_way, self._listed)
        self._mine.edit = edit
        try:
            yield edit
        finally:
            self._mine.edit = None
        if edit.acts:
            saved = self._write(edit, self._rules if ruled else None)
            edit.queue_numbers = saved.numbers
            self._after_save(saved)

    def resend(self, n: int) -> None:
        """See `resend`."""
        self._know_account()
        assert self._author is not None
        author = Author(self._author, self._numbers.now())
        with self._store.write() as work:
            saved = resend(work, self._store.tables, n, author=author, numbers=self._numbers, per_part=self._per_part)
        self._after_save(saved)

    def _know_account(self) -> None:
        if self._author is not None and self._store.has_catalog:
            if self._refusal is not None:
                raise Refused(self._refusal)
            return
        with self._store.read() as work:
            account = read_account(work)
            if account is None or not self._store.has_catalog:
                raise Refused(problem(Code.AUTH))
            self._author = account.user.id
            self._follow(work, read_settings(work))
        looks = account.support is not None and not account.support.editing
        self._refusal = problem(Code.SUPPORT_READ_ONLY, name=account.user.name) if looks else None
        if self._refusal is not None:
            raise Refused(self._refusal)

    def _mint(self, prefix: str) -> RecordId:
        """An id that no record here has. An older image of this device counts on from where it was, and a sync may have
        brought what was made under the next ones since."""
        with self._store.lock:
            while True:
                minted = self._numbers.mint(prefix)
                if not self._is_taken(prefix, minted):
                    return minted

    def _is_taken(self, prefix: str, record_id: RecordId) -> bool:
        tables = self._store.tables
        with self._store.read() as work:
            return has_row(work, tables[tables.catalog.by_prefix[prefix].name], record_id) or bool(
                bases_of_records(work, [record_id])
            )

    def _write(self, edit: Edit, rules: RulesHere | None) -> Saved:
        assert self._author is not None
        author = Author(self._author, self._numbers.now())
        reach("save.begin")
        with self._store.write() as work:
            self._keep_texts(edit.texts)
            saved = save(
                work,
                self._store.tables,
                edit.acts,
                author=author,
                numbers=self._numbers,
                per_part=self._per_part,
                rules=rules,
            )
            self._at_once.mark(work, saved.numbers, self._numbers.upcoming_n)
        reach("save.after_commit")
        return saved
