"""What sync rules do, before and while they do it: who gets what, what a change would move, and why."""
