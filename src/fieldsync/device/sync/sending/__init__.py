"""Requests that carry the queue up: how much goes with each, and what becomes of those that fail."""
