"""What an org begins with, and gets with every deploy: records for what its catalog declares."""
