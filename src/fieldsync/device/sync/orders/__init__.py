"""What an admin wants of this device, carried out."""
