"""Syncs as a person meets them: started, watched, canceled, applied, looked up afterwards; and prompts."""
