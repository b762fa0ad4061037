"""The reality check: server, PostgreSQL and devices as processes, over a network that breaks, killed and paused.

`proxy` is the network, `processes` what can be killed, `living` what a device's process does, `ledger` what outlives
it, `nemesis` what goes wrong, `world` the recorded history as the checkers of `sim.laws` read it, `cell` one such run
from beginning to end, `matrix` all of them.
"""
