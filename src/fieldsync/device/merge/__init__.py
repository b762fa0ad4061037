"""News from the server and the rows a person sees: may it become the row now, or does it wait as base image?

While any member of a family is open, pending or failed, the server's version of the whole family waits in `_base`
(DESIGN 10). Applied again, anything here changes nothing.
"""
