"""Built-in suppliers."""
