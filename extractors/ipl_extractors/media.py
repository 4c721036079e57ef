"""Sound and pictures out of media files: `ipl.mining.media`, which the engine needs too, under its name for extractors."""

from ipl.mining.media import Box, OnDamage, audio_blocks, ffmpeg_path, frames, probe, read_audio

__all__ = ["Box", "OnDamage", "audio_blocks", "ffmpeg_path", "frames", "probe", "read_audio"]
