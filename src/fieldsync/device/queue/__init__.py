"""What a person saved and the server has not confirmed: entries, their states, and how repeated edits fold.

An entry is written in the same SQLite transaction as the edit it carries, and never changes once it was sent.
"""
