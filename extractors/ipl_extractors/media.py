"""`ipl.mining.media`, under its name for extractors: sound and pictures out of media files."""

from ipl.mining.media import Box, OnDamage, audio_blocks, ffmpeg_path, frames, probe, read_audio

__all__ = ["Box", "OnDamage", "audio_blocks", "ffmpeg_path", "frames", "probe", "read_audio"]
