"""Asking for the data model: what changed since the one at hand, and the whole where that does not come out right."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.sync.calls import Calls
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.metadata.package import Package, opened
from fieldsync.schema import catalog as catalogs
from fieldsync.schema.catalog import Catalog

_PATH = "/sync/v1/catalog"


@dataclass(frozen=True)
class Fetched:
    """A data model as it is kept. `profile`: whose it is; None of a server that tells everybody the same."""

    raw: bytes
    catalog: Catalog
    profile: str | None


def fetch_package(store: Store, calls: Calls) -> Fetched:
    """The data model for this person. Raises Refused, APP_TOO_OLD for one this app does not understand; Unreachable."""
    raw, since, profile = _held(store)
    body = calls.get_bytes(_PATH, since=since, profile=profile)
    package = _read(body)
    if package is None:
        return Fetched(body, decoded(body), None)
    found = opened(package, raw)
    if found is None and package.since:
        package = _read(calls.get_bytes(_PATH, since=""))
        found = None if package is None else opened(package, None)
    if package is None or found is None:
        raise Unreachable("a data model that is not what its checksum says")
    return Fetched(found, decoded(found, package.version), package.profile)


def decoded(raw: bytes, version: str | None = None) -> Catalog:
    """The catalog that is kept so, by the version it goes by. Raises Refused(APP_TOO_OLD), Unreachable."""
    try:
        return catalogs.decode(raw, version)
    except msgspec.ValidationError:
        raise Refused(problem(Code.APP_TOO_OLD)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise Unreachable(f"a data model that cannot be read: {bad}") from bad


def _held(store: Store) -> tuple[bytes | None, str, str | None]:
    """What is kept, its version and its one profile. Several profiles are no package: the whole replaces them."""
    with store.read() as work:
        raw, version = meta.get(work, Key.CATALOG), meta.get(work, Key.CATALOG_VERSION)
    profiles = list(store.tables.catalog.profiles) if store.has_catalog else []
    if raw is None or version is None or len(profiles) > 1:
        return None, "", None
    return raw, version, next(iter(profiles), None)


def _read(body: bytes) -> Package | None:
    """The answer; None for the packs alone."""
    if body.lstrip()[:1] == b"[":
        return None
    try:
        return msgspec.json.decode(body, type=Package)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise Unreachable(f"a data model that cannot be read: {bad}") from bad
