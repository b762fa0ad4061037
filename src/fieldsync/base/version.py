"""The version of the installed product, as its package metadata says."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("fieldsync")
