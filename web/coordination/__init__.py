"""沟通协调: with whom what was agreed, and what is still to come of it."""
