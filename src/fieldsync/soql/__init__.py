"""The query language of sync rules, sharing conditions and list views: text to a typed tree.

The tree compiles to expressions, never to text. Running a query belongs to `server` and `device`.
"""
