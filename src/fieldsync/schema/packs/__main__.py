"""`python -m fieldsync.schema.packs`: write the published JSON schema of pack files anew."""

from fieldsync.schema.packs.publish import publish

publish()
