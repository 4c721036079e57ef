"""One readable DDP training core."""
