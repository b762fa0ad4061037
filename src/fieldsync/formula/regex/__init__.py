"""REGEX: Java's patterns, as far as they can be matched in linear time.

A pattern is parsed to a tree of character sets (`syntax`), run as an automaton that is in all its states at once
(`machine`: no backtracking, so no pattern hangs), and written as a PostgreSQL pattern with the same sets (`postgres`).
Back-references, possessive and atomic groups and look-behind need another kind of matcher and are refused.
"""
