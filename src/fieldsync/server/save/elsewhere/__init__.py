"""What was done elsewhere meanwhile: who changed a field, and what a family was submitted to (DESIGN 7; K05, K06, K14)."""
