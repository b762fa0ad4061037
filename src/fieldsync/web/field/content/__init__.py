"""Content on the device: the library, and presenting it full screen from a call, offline."""
