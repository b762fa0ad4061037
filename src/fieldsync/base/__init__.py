"""Ids, clock, limits and problems: what every other package stands on.

The only place that may read the clock, draw randomness or mint an id; everybody else takes them as arguments.
Nothing about objects, the wire or storage lives here, and nothing of fieldsync is imported.
"""
