"""`with device.edit() as edit:` collects one save; sessions inside it join it (FEATURES B05).

Values are checked and ids minted as they come. Nothing is written before the outermost session closes; an exception
inside saves nothing, and one that ends a session inside it takes back what that one did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.edit.check import checked, complete, object_of
from fieldsync.device.edit.preview import defaults_of
from fieldsync.device.media.texts import Text, cut
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.fields import FieldValue


@dataclass(frozen=True)
class Act:
    """One thing a save does; values are canonical."""

    object: str
    id: RecordId
    operation: Operation
    values: Mapping[str, FieldValue]


class Edit:
    """One save while it is put together. Belongs to the thread that opened it."""

    def __init__(
        self,
        catalog: Catalog,
        mint: Callable[[str], RecordId],
        one_way: Collection[str] = (),
        listed: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`one_way`: objects of which nothing is saved here; `listed`: by object, fields of which a long text is a
        file."""
        self._catalog, self._mint, self._one_way, self._listed = catalog, mint, one_way, listed or {}
        self.acts: list[Act] = []
        self.texts: list[Text] = []
        """Files that are kept with this save."""
        self.queue_numbers: tuple[int, ...] = ()
        """After the outermost session: the queue numbers that carry this save, in order."""

    def create(self, object_name: str, values: Mapping[str, object]) -> RecordId:
        """A new record; its id is final (DESIGN 5). Raises Refused for what cannot be saved."""
        object_type = object_of(self._catalog, object_name, self._one_way)
        record_id = self._mint(object_type.prefix)
        given = {c: v for c, v in self._checked(object_type, record_id, values).items() if v is not None}
        complete(object_type, record_id, defaults_of(object_type) | given)
        self.acts.append(Act(object_name, record_id, Operation.CREATE, given))
        return record_id

    def update(self, object_name: str, record_id: RecordId, values: Mapping[str, object]) -> None:
        """Change columns of a record. Raises Refused for what cannot be saved."""
        object_type = object_of(self._catalog, object_name, self._one_way)
        self._fits(object_name, record_id)
        self.acts.append(Act(object_name, record_id, Operation.UPDATE, self._checked(object_type, record_id, values)))

    def delete(self, object_name: str, record_id: RecordId) -> None:
        """Delete a record, and with a family member the details under it."""
        object_of(self._catalog, object_name, self._one_way)
        self._fits(object_name, record_id)
        self.acts.append(Act(object_name, record_id, Operation.DELETE, {}))

    def _checked(
        self, object_type: ObjectType, record_id: RecordId, values: Mapping[str, object]
    ) -> dict[str, FieldValue]:
        row, texts = cut(object_type, record_id, values, self._listed.get(object_type.name, ()))
        found = checked(object_type, record_id, row)
        self.texts += texts
        return found

    def _fits(self, object_name: str, record_id: RecordId) -> None:
        owner = self._catalog.by_prefix.get(record_id[:3])
        if owner is None or owner.name != object_name:
            raise Refused(problem(Code.NOT_FOUND, object=object_name, id=record_id))
