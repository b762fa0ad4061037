"""The data model for devices: the device's half."""
