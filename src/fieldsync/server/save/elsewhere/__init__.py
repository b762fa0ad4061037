"""What was done elsewhere meanwhile: who changed a field, and what was submitted (DESIGN 7; K05, K06, K14)."""
