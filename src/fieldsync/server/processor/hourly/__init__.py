"""What every hour brings: schedules that run transactions again, and finished ones whose time is over."""
