"""Orgs: made, listed, opened, and the people in them. What an org stores is the business of `postgres` and `save`."""
