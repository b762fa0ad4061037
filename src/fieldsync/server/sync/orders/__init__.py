"""What an admin wants of one device, and that it was done."""
