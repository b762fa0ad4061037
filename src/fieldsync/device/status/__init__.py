"""What the person is told: the widget, events, sync reports. Pure functions of facts, and who listens."""
