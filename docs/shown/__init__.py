"""What the macros show on the pages, straight from the repository."""
