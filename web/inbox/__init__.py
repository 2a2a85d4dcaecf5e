"""待办: what waits for me and for my positions."""
