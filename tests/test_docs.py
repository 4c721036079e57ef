"""The documents say what the code does: generated pages are fresh, links lead somewhere, every role is told."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from ipl.hookspecs import ROLES
from ipl.registry import HOOKS, Registry

ROOT = Path(__file__).parents[1]
PAGES = ["schemas.md", "plugins.md", "commands.md"]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(generate: ModuleType, name: str) -> None:
    written = (ROOT / "docs" / name).read_text("utf-8")
    assert written == generate.render(name), f"docs/{name} is stale; run `python docs/generate.py`"


def test_the_generator_names_stale_pages(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    capsys.readouterr()
    (tmp_path / "schemas.md").write_text("old")
    assert generate.main(["--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "docs/schemas.md" in said[0]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_documented_and_has_a_built_in_plugin(role: str) -> None:
    hook = getattr(ROLES[role], HOOKS[role])
    assert (ROLES[role].__doc__ or "").strip(), f"{role} has no docstring"
    assert (hook.__doc__ or "").strip(), f"{HOOKS[role]} has no docstring"
    assert Registry().names(role), f"no plugin is built in for {role}"


def test_every_plugin_and_option_says_what_it_means() -> None:
    dumb = [f"{info.role} {info.name}" for info in Registry() if not info.summary]
    dumb += [f"{info.role} {info.name}.{each.name}" for info in Registry() for each in info.options if not each.meaning]
    assert not dumb


def _slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return plain.strip().replace(" ", "-")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_relative_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: broken link {target}"
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in {_slug(heading) for heading in headings}, f"{page.name}: no such heading {target}"
