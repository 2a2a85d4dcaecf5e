"""The durable case on PostgreSQL. Knows verbs, tasks, timers and history; knows nothing of stations."""
