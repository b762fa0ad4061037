"""What people and the world do in a run: each action draws what it needs from the world's chance.

It does it through the public interfaces, and says in the trace what it did. A device may be struck in the middle of any
of its own actions. `table.py` says how often each is chosen.
"""
