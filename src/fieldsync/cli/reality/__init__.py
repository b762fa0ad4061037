"""The reality check on the command line."""
