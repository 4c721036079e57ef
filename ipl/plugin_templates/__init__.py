"""One small working plugin for each role: what `ipl plugins new ROLE FILE` writes.

They are ordinary modules, so that ruff, mypy and the tests keep them true. `ipl plugins new` puts the new
plugin's name in the place of `my_<role>` and of the class's name.
"""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["source_of"]


def source_of(role: str, name: str) -> str:
    """The source of a new plugin called `name`; its class is called likewise.

    >>> [line for line in source_of("filter", "too-long").splitlines() if "plugin(" in line or "class" in line]
    ['@ipl.plugin("too-long")', 'class TooLong:']
    """
    source = files(__name__).joinpath(f"{role}.py").read_text(encoding="utf-8")
    return source.replace(f'"my_{role}"', f'"{name}"').replace(_class_name(f"my_{role}"), _class_name(name))


def _class_name(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^0-9A-Za-z]+", name))
