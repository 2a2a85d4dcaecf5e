"""Signing in and out: server-side sessions, delay after failures."""
