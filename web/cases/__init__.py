"""办件: the cases, and where a new one begins."""
