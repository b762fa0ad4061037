"""The Field app: the pages of a device, served on loopback by the process that owns its engine."""
