"""Sync rules in the console: listed, edited as text or as rows, tried, previewed as a difference, and saved."""
