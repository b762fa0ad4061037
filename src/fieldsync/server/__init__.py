"""The online engine: saves, feeds and downloads on PostgreSQL.

The phases of synchronisation are in `sync`, the save pipeline in `save`, connections and transactions in
`postgres`, routes in `http`. It knows a device only through `protocol`.
"""
