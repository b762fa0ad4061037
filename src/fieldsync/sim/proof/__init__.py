"""What is done with runs: one that fails is made short, fresh ones are run for hours, their numbers become a page."""
