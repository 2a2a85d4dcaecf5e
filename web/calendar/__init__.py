"""工作日历: the year at a glance, and what its change does."""
