"""An admin's wish that a device loads its database anew (FEATURES E11)."""
