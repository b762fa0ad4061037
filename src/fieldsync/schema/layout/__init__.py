"""Page layouts: how a record is read and entered, by profile and record type."""
