"""Files of records on the device: pieces in an encrypted database of their own, beside the rows."""
