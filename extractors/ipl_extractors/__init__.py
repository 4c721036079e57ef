"""Media, voice, subtitles and text out of videos."""
