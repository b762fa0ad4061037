"""Sync configuration as a whole: brought in and judged against an org, saved, carried out again, edited simply."""
