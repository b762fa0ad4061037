"""Whether packs make sense together. `packs.py` holds the whole order; fields and access stand beside it."""

from fieldsync.schema.check.packs import Finding, check

__all__ = ["Finding", "check"]
