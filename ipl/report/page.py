"""The skeleton of a page: one file that opens from disk, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Sequence

from ipl.report.html import Html, element, join

__all__ = ["charts", "note", "page", "section"]

_LIGHT = ("#2a78d6", "#d95926", "#1a9467", "#b27800", "#c9508a", "#008300", "#4a3aa7", "#d03b3b")
_DARK = ("#5598e7", "#ee7a4f", "#2fbf8a", "#d99a1c", "#e27fae", "#4cb04c", "#9085e9", "#ef7070")

_STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1120px;padding:16px;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}
p{max-width:46rem;margin:.5rem 0}.note{color:var(--soft)}.lead{font-size:1.1rem}
.charts{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr))}
figure{margin:0;padding:12px;border:1px solid var(--rule);border-radius:8px;background:var(--card)}
figcaption{font-weight:600}.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:.8rem;margin:.2rem 0}
figure>svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:var(--soft)}
.grid{stroke:var(--rule)}.base{stroke:var(--soft)}.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:5 4}
.dot{stroke:var(--card);stroke-width:1.5}.hollow{fill:none;stroke-width:2}
.scroll{overflow-x:auto;margin:.5rem 0 1rem}
table{border-collapse:collapse;min-width:min(100%,36rem);font-size:.9rem}.text{width:100%}
caption{text-align:left;color:var(--soft);padding-bottom:4px}
caption>div{position:sticky;left:0;width:fit-content;max-width:min(100%,100vw - 32px)}
th,td{text-align:left;vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px solid var(--rule)}
td{font-variant-numeric:tabular-nums;white-space:nowrap}thead th{color:var(--soft);font-weight:600;white-space:nowrap}
tbody th{font-weight:600;overflow-wrap:anywhere;min-width:7rem}.text td{overflow-wrap:break-word;white-space:normal}
audio{width:220px;height:36px;display:block}img{max-width:240px;height:auto;display:block;border-radius:4px}
.keep{color:var(--good)}.reject{color:var(--bad)}bdi{white-space:pre-line}
.aligned{display:flex;flex-wrap:wrap;gap:2px 8px}.pair{display:inline-flex;flex-direction:column}
.sub{color:var(--c4)}.del{color:var(--bad)}.ins{color:var(--c1)}
.pair.sub>:last-child,.pair.ins>:last-child,.pair.del>:first-child{font-weight:600;text-decoration:underline}
mark{background:none;color:inherit;text-decoration:underline wavy var(--bad)}
@media (max-width:640px){th,td{padding-right:8px}thead th,td{white-space:normal}td>svg{width:12vw}
.cards thead{display:none}.cards,.cards caption,.cards tbody,.cards tr,.cards th,.cards td{display:block}
.cards tr{border:1px solid var(--rule);border-radius:8px;margin:0 0 12px;padding:8px 12px;background:var(--card)}
.cards th,.cards td{border:0;padding:3px 0}.cards td::before,.cards th::before{content:attr(data-label);
display:block;font-size:.75rem;font-weight:400;color:var(--soft)}
.cards:not(.text) td{display:grid;grid-template-columns:1fr auto;gap:0 12px;white-space:normal}
.cards:not(.text) td>*{grid-column:2}}
"""


def _variables(back: str, card: str, ink: str, soft: str, rule: str, good: str, bad: str) -> str:
    names = {"back": back, "card": card, "ink": ink, "soft": soft, "rule": rule, "good": good, "bad": bad}
    return ":root{color-scheme:light dark;" + "".join(f"--{name}:{value};" for name, value in names.items())


def _colours() -> str:
    light = _variables("#fcfcfb", "#ffffff", "#16181d", "#5b616b", "#e2e3e6", "#0a6b2d", "#a42525")
    dark = _variables("#15171a", "#1d2024", "#eceef1", "#a4abb6", "#363a41", "#5fce86", "#f08c8c")
    light += "".join(f"--c{index}:{colour};" for index, colour in enumerate(_LIGHT, 1))
    dark += "".join(f"--c{index}:{colour};" for index, colour in enumerate(_DARK, 1))
    marks = "".join(f".s{i}{{stroke:var(--c{i})}}.f{i}{{fill:var(--c{i})}}" for i in range(1, len(_LIGHT) + 1))
    return f"{light}}}@media (prefers-color-scheme:dark){{{dark}}}}}{marks}"


def page(title: str, body: Sequence[Html | None]) -> str:
    """Makes the whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(_colours() + _STYLE.replace("\n", ""))),
    )
    main = element("main", element("h1", title), *body)
    return "<!doctype html>\n" + element("html", head, element("body", main), lang="en") + "\n"


def section(title: str, *parts: Html | None) -> Html | None:
    """Makes a section, or nothing where none of its parts is there."""
    if all(part is None for part in parts):
        return None
    return element("section", element("h2", title), *parts)


def charts(*each: Html | None) -> Html | None:
    """Puts charts side by side where there is room."""
    there = [chart for chart in each if chart is not None]
    return element("div", join(there), class_="charts") if there else None


def note(text: str) -> Html:
    """A line of explanation."""
    return element("p", text, class_="note")
