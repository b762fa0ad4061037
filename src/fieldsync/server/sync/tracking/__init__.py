"""What devices say of the syncs they ran and of how they stand: kept as Sync_Tracking, and on the device's record."""
