"""The data model on the wire: the package of one profile, whole or as what changed since a version."""
