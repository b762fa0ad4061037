"""Support sessions: an admin sees what a person sees on a device of his, and changes nothing (FEATURES B24)."""
