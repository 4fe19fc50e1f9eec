"""Several processes, several Redis: what happens to them, seen with real servers."""
