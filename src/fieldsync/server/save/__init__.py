"""Saving: one pipeline for every write, whoever asks (DESIGN 6). Begin with `pipeline.py`, which lists the steps."""
