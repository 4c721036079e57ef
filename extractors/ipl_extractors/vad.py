"""Built-in vad."""
