"""Asynchronous triggers: put off by the save that causes them, run as jobs of the org. See `logic/trigger.py`."""
