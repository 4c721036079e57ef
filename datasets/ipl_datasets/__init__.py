"""Corpora in, exports out, and the factory of synthetic speech and video."""
