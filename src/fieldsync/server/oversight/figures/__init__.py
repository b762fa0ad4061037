"""Figures of the fleet: how syncs and saves went, by day, version, device and territory; who is late; in plain rows."""
