"""Writes the parts of `docs/` that can go stale from the code that they describe.

python docs/generate.py            write them
python docs/generate.py --check    exit code 1, and a line for each that differs
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ipl.config.options import type_name
from ipl.hookspecs import CYCLE_ROLES, ROLES
from ipl.registry import HOOKS, Option, PluginInfo, Registry
from ipl.schemas import SCHEMA_VERSION, SCHEMAS

DOCS = Path(__file__).parent
BUILT_IN = {"ipl_plugins", "ipl_extractors", "ipl_datasets"}
LINE_LENGTH = 120
HEADER = "<!-- Written by `python docs/generate.py`; edit the code that it describes instead. -->\n"


def schemas_page() -> Iterator[str]:
    """Every table, with the type, unit and meaning of each field."""
    yield "# Tables\n"
    yield (
        f"Every table that crosses a stage is Parquet with one of these schemas (version {SCHEMA_VERSION}), written in "
        "`ipl/schemas.py` and enforced at every writing. A field marked `?` may be null.\n"
    )
    for name, schema in SCHEMAS.items():
        yield f"## {name}\n"
        yield f"{_sentence(schema.metadata[b'meaning'].decode())}\n"
        yield from _table(("field", "type", "unit", "meaning"), [_field_row(field) for field in schema])


def _field_row(field: pa.Field) -> tuple[str, ...]:
    metadata = {key.decode(): value.decode() for key, value in field.metadata.items()}
    type_ = "float32" if field.type == pa.float32() else str(field.type)
    return f"`{field.name}`", f"`{type_}{'?' if field.nullable else ''}`", metadata["unit"], metadata["meaning"]


def plugins_page() -> Iterator[str]:
    """Every role with its hook, and every built-in plugin with its options."""
    infos = [info for info in Registry() if info.cls.__module__.partition(".")[0] in BUILT_IN]
    yield "# Roles and plugins\n"
    yield (
        "A plan names one plugin for each role of the cycle, and any number of filters. "
        "`ipl plugins list` and `ipl plugins show ROLE NAME` print the same, with your own plugins among them.\n"
    )
    for title, roles in (
        ("Roles of the cycle", list(CYCLE_ROLES)),
        ("Roles of mining and of data", [role for role in ROLES if role not in CYCLE_ROLES]),
    ):
        yield f"## {title}\n"
        for role in roles:
            yield from _role(role, [info for info in infos if info.role == role])


def _role(role: str, infos: Sequence[PluginInfo]) -> Iterator[str]:
    spec = ROLES[role]
    hook = getattr(spec, HOOKS[role])
    yield f"### {role}\n"
    yield f"{inspect.getdoc(spec)}\n"
    yield f"```python\n{signature(hook)}\n```\n"
    yield f"{inspect.getdoc(hook)}\n"
    for info in infos:
        yield f"#### {role}: `{info.name}`\n"
        yield f"{_summary(info)}\n"
        if info.facts:
            yield "\n".join(f"- {name}: {text}" for name, text in info.facts.items()) + "\n"
        if info.options:
            yield from _table(("option", "type", "default", "meaning"), [_option_row(each) for each in info.options])


def signature(function: Callable[..., Any]) -> str:
    """A function's head, laid out as ruff does: it formats code in Markdown too."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.body, tree.decorator_list = [ast.Expr(ast.Constant(...))], []
    head = " ".join(ast.unparse(tree).split())
    if len(head) <= LINE_LENGTH:
        return head
    opening, closing = head.index("(") + 1, head.rindex(") ->")
    return f"{head[:opening]}\n    {head[opening:closing]}\n{head[closing:]}"


def _summary(info: PluginInfo) -> str:
    """The first paragraph of a plugin's docstring."""
    return " ".join((inspect.getdoc(info.cls) or "").partition("\n\n")[0].split())


def _option_row(option: Option) -> tuple[str, ...]:
    default = "required" if option.required else f"`{_yaml(option.default)}`"
    return f"`{option.name}`", type_name(option.type), default, option.meaning


def _yaml(value: Any) -> str:
    """A default as one would write it in a plan."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join(_yaml(each) for each in value)}]"
    return str(value) or '""'


def commands_page() -> Iterator[str]:
    """Every command with its usage, arguments and options."""
    from ipl.cli import build_parser

    yield "# Commands\n"
    yield "`ipl COMMAND --help` prints the same.\n"
    yield from _command(build_parser(), 2)


def _command(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    # Made from the parser's parts: the layout of `--help` differs from one Python to the next.
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=1000)
    children = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    yield f"{'#' * level} {parser.prog}\n"
    if parser.description:
        yield f"{parser.description.strip()}\n"
    if parser.epilog:
        yield f"{parser.epilog.strip()}\n"
    if not children:
        yield f"```text\n{parser.format_usage().removeprefix('usage: ').strip()}\n```\n"
    rows = [
        _argument_row(action, parser)
        for action in parser._actions
        if action not in children and action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
    ]
    if rows:
        yield from _table(("argument", "meaning"), rows)
    for action in children:
        for child in dict.fromkeys(action.choices.values()):
            yield from _command(child, level + 1)


def _argument_row(action: argparse.Action, parser: argparse.ArgumentParser) -> tuple[str, str]:
    metavar = action.metavar or (
        "|".join(map(str, action.choices))
        if action.choices
        else action.dest.upper()
        if action.option_strings
        else action.dest
    )
    name = ", ".join(action.option_strings)
    if not name or action.nargs != 0:
        name = f"{name} {metavar if isinstance(metavar, str) else ' '.join(metavar)}".strip()
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    return f"`{name}`", text


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [header, ["---"] * len(header), *rows]
    yield "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table; what stands between backticks is code and needs no HTML escapes."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "schemas.md": schemas_page,
    "plugins.md": plugins_page,
    "commands.md": commands_page,
}


def render(name: str) -> str:
    """The whole text of a page."""
    return "\n".join([HEADER, *PAGES[name]()])


def stale_pages() -> list[str]:
    """The pages whose file differs from what the code says now, or is missing."""
    return [name for name in PAGES if not (DOCS / name).is_file() or (DOCS / name).read_text("utf-8") != render(name)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pages, or checks them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page is stale")
    if parser.parse_args(arguments).check:
        stale = stale_pages()
        for name in stale:
            print(f"docs/{name}: differs from the code; run `python docs/generate.py`", file=sys.stderr)
        return 1 if stale else 0
    for name in PAGES:
        (DOCS / name).write_text(render(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
