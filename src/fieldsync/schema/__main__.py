"""`python -m fieldsync.schema`: write the published JSON schema of packs anew."""

from fieldsync.schema.publish import publish

publish()
