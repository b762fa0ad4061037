"""Families: records that are saved, conflict and are submitted as one."""
