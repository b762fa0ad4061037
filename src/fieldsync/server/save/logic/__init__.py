"""What the org's metadata makes of a save: triggers, validation rules, roll-ups, locks. Compiled once for a catalog."""
