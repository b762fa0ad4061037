"""Requests that carry the queue up, one behind the other: how much goes with each, and what becomes of those that fail."""
