"""Approved e-mail as device and server understand it alike: what a template says, and whether it may be sent."""
