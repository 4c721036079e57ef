"""Built-in cues."""
