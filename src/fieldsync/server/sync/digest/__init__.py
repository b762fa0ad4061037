"""The digest, the server's half: what a device is to have, summed up; and what a device that differs has to get."""
