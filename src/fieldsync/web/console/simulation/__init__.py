"""The Console's simulation mode: what a sync would bring, and what waiting saves would become, without any effect."""
