"""fieldsync: an open, self-hosted, offline-first CRM sync platform.

Each package below is a storey; imports point down only: `cli`, then `sim` and `web`, then `server` and
`device`, then `formula`, `soql` and `protocol`, then `schema`, then `base`. Nothing lives in this file.
"""
