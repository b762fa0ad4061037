"""Files of records on this device: what is here, what is fetched, updated, taken away, sent (FEATURES L04 to L11)."""
