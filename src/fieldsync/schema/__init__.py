"""The catalog: objects, fields, families and packs, as one immutable, versioned value.

Says what data looks like and how it behaves when synchronised. Reading and checking catalog files belongs here;
tables, DDL and queries do not.
"""
