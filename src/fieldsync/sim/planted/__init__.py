"""Planted bugs prove the provers: each is a patch of the product for one run, and some law has to catch it."""
