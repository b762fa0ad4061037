"""The device's half of each phase, in files named as on the wire and on the server.

Nothing here starts a thread or reads a clock by itself: `engine.step` does the one piece of work that is due now. The
store's lock is never held while the network is waited for.
"""
