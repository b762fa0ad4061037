"""The wire between device and server: requests, answers and outcomes as frozen structs.

The two engines meet only here. What a message means to a side is decided in `server` and `device`; no I/O here.
"""
