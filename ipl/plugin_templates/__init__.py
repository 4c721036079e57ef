"""One small working plugin for each role: what `ipl plugins new ROLE FILE` writes.

They are ordinary modules, so that ruff, mypy and the tests keep them true. `ipl plugins new` puts the new
plugin's name in the place of `my_<role>` and of the class's name.
"""

from __future__ import annotations

import keyword
import re
from importlib.resources import files

__all__ = ["source_of"]


def source_of(role: str, name: str) -> str:
    """The source of a new plugin called `name`; its class is called likewise.

    >>> [line for line in source_of("filter", "too-long").splitlines() if "plugin(" in line or "class" in line]
    ['@ipl.plugin("too-long")', 'class TooLong:']
    """
    placeholder = f"my_{role}"
    source = files(__name__).joinpath(f"{role}.py").read_text(encoding="utf-8")
    without_class = source.replace(_class_name(placeholder), "")
    class_name = _class_name(name)
    if keyword.iskeyword(class_name) or re.search(rf"\b{class_name}\b", without_class):
        class_name += "Plugin"  # vote.py must not hide the record Vote
    return source.replace(f'"{placeholder}"', f'"{name}"').replace(_class_name(placeholder), class_name)


def _class_name(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[\W_]+", name))
