"""The version of the installed product, as its package metadata says."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("fieldsync")
OLDEST_APP = (0, 1)
"""Major and minor version of the oldest app that a server of this version still sends rows to (FEATURES E33)."""
