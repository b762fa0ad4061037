"""What changed for one device since its checkpoint: from the change log and what decides what it holds."""
