"""Samples as device and server judge them alike: who may get some, and how many are left."""
