"""Built-in batchers."""
