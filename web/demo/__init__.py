"""The demo's movable clock."""
