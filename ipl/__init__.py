"""ipl: from videos and untranscribed audio to a trained speech recogniser."""

from ipl.hookspecs import hookimpl
from ipl.registry import plugin

__version__ = "0.1.0"
__all__ = ["hookimpl", "plugin"]
