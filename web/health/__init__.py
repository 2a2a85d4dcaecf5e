"""Is this process alive, is it ready."""
