"""Guessing at passwords: who tries, and how often he may. What a right password opens is the business of `sync`."""
