"""The whole system in one process under a seeded scheduler: faults, clocks and workloads, checked against the laws.

It runs the production engines and replaces only the world around them. No rule of the product is decided here.
"""
