"""Files of records: who may have one, and how its pieces are kept. What they mean for a device is `protocol.media`."""
