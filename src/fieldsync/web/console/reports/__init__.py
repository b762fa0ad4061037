"""The Console's reports: how the fleet syncs, who is late, and grouped questions about any object."""
