"""HTML and SVG as text: every string is escaped unless it is markup already."""

from __future__ import annotations

from html import escape
from typing import Any

__all__ = ["Html", "element", "join"]

_VOID = frozenset({"br", "img", "meta", "circle", "line", "path", "polyline", "rect"})


class Html(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str | None, **attributes: Any) -> Html:
    """Makes an element; children that are plain text are escaped, None is left out.

    Attribute names lose a closing underscore and write inner ones as hyphens; None and False are left out.

    >>> element("td", "a < b", class_="number", data_label="x")
    '<td class="number" data-label="x">a &lt; b</td>'
    """
    opening = name + "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    if name in _VOID and not children:
        return Html(f"<{opening}/>")
    return Html(f"<{opening}>{join(children)}</{name}>")


def join(children: Any) -> Html:
    """Joins children to one stretch of markup, escaping those that are plain text."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children if child is not None))


def _attribute(key: str, value: Any) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(_number(value))}"'


def _number(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
