"""What a person comes back to through the day: the calendar, what was looked at last, and finding anything."""
