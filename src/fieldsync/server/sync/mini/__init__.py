"""One record that is found online comes to a device, with what hangs on it."""
