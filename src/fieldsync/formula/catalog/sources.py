"""What formula fields are made of: the fields each reads, and the references it follows to them."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.formula.catalog.compiled import CatalogFormulas, follow, reference_named
from fieldsync.formula.check.scope import CatalogScope
from fieldsync.formula.formula import Checked
from fieldsync.schema.access.rights import Place, Sources
from fieldsync.schema.catalog import ObjectType


def sources(formulas: CatalogFormulas) -> Sources:
    """Of every formula field of the catalog. One that reads another formula field names that, not what it reads."""
    return {
        (object_type.name, name): frozenset(_places(formulas, object_type, one.checked))
        for object_type in formulas.catalog
        for name, one in formulas[object_type.name].fields.items()
    }


def _places(formulas: CatalogFormulas, start: ObjectType, checked: Checked) -> Iterator[Place]:
    for path in checked.formula.paths:
        found = CatalogScope(formulas.catalog, start.name).find(path)
        assert found is not None, "the formula was checked against this catalog"
        *way, name = found.names
        for end, relationship in enumerate(way):
            hop = follow(formulas.catalog, start, way[:end])
            reference = reference_named(hop, relationship) if hop is not None else None
            if hop is not None and reference is not None:
                yield hop.name, reference.name
        target = follow(formulas.catalog, start, way)
        if target is not None:
            yield target.name, name
