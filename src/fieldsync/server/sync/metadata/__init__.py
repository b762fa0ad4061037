"""The data model for devices: the server's half."""
