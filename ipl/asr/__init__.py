"""Speech recognition: features, units, models, decoding, metrics."""
