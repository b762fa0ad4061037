"""What formulas are made of: the fields each reads, and the references it follows to them.

With it, whoever may not read a field neither reads what is made of it, nor writes a formula that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fieldsync.formula.catalog.compiled import CatalogFormulas, follow, reference_named
from fieldsync.formula.check.scope import CatalogScope, Found
from fieldsync.formula.formula import Checked
from fieldsync.schema.access.rights import Place, Rights, Sources
from fieldsync.schema.catalog import Catalog, ObjectType


def sources(formulas: CatalogFormulas) -> Sources:
    """Of every formula field of the catalog. One that reads another formula field names that, not what it reads."""
    return {
        (object_type.name, name): frozenset(places_of(formulas, object_type, one.checked))
        for object_type in formulas.catalog
        for name, one in formulas[object_type.name].fields.items()
    }


@dataclass(frozen=True)
class SeenScope:
    """The fields of one object as somebody sees them: what is hidden from him is not there."""

    catalog: Catalog
    object_name: str
    rights: Rights

    def find(self, names: tuple[str, ...]) -> Found | None:
        """The field behind the path; None where there is none for him."""
        found = CatalogScope(self.catalog, self.object_name).find(names)
        if found is None or names[0].startswith("$"):
            return found
        places = _on_the_way(self.catalog, self.catalog[self.object_name], found.names)
        return found if all(self.rights.sees(*place) for place in places) else None


def places_of(formulas: CatalogFormulas, start: ObjectType, checked: Checked) -> Iterator[Place]:
    """The fields that a formula of an object reads, and the references it follows to them."""
    for path in checked.formula.paths:
        found = CatalogScope(formulas.catalog, start.name).find(path)
        assert found is not None, "the formula was checked against this catalog"
        yield from _on_the_way(formulas.catalog, start, found.names)


def _on_the_way(catalog: Catalog, start: ObjectType, names: tuple[str, ...]) -> Iterator[Place]:
    """The references a path follows, and the field at its end."""
    *way, name = names
    for end, relationship in enumerate(way):
        hop = follow(catalog, start, way[:end])
        reference = reference_named(hop, relationship) if hop is not None else None
        if hop is not None and reference is not None:
            yield hop.name, reference.name
    target = follow(catalog, start, way)
    if target is not None:
        yield target.name, name
