"""From cues and speech to pairs."""
