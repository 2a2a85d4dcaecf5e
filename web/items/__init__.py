"""The catalogue of items: what each asks for, and the one-time notice from it."""
