"""投诉: the complaints one may see, and where a new one begins."""
