"""A stranger's package comes in by the entry-point group `ipl`, as our own plugins do; what is wrong in it is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ipl.errors import PluginError
from ipl.registry import Registry

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "strange-filters"
version = "1.0"

[project.entry-points.ipl]
strange = "strange_filters.filters"
"""
FILTER = '''
import ipl
from ipl.records import Vote


@ipl.plugin("vowels")
class Vowels:
    """Rejects texts without a vowel."""

    vowels: str = "aeiou"
    """letters that count"""

    @ipl.hookimpl
    def vote(self, hypotheses):
        """Votes on each text."""
        for each in hypotheses:
            if not set(each.text) & set(self.vowels):
                yield Vote(each.utt_id, "reject", "no vowel")
'''
IPL = "import sys; from ipl.cli import main; sys.exit(main())"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip has installed the package into."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "strange_filters").mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "strange_filters" / "__init__.py").write_text("")
    (folder / "strange_filters" / "filters.py").write_text(FILTER)
    target = folder / "site"
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(target), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def run_ipl(installed: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own that sees the package."""
    path = os.pathsep.join([str(installed), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", IPL, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})


def test_an_installed_package_is_found_and_runs(installed: Path) -> None:
    listed = run_ipl(installed, "plugins", "list", "filter")
    assert listed.returncode == 0, listed.stderr
    line = next(line for line in listed.stdout.splitlines() if line.split()[0] == "vowels")
    assert "Rejects texts without a vowel." in line
    assert "[strange_filters.filters]" in line
    assert "letters that count" in run_ipl(installed, "plugins", "show", "vowels").stdout
    checked = run_ipl(installed, "plugins", "check", "vowels", "--set", "vowels=aeiouy")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "all 9 checks passed" in checked.stdout


def test_a_package_and_a_file_of_one_name_are_an_error_that_names_both(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FILTER)
    done = run_ipl(installed, "plugins", "check", file)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "two plugins are filter 'vowels'" in done.stderr
    assert str(file) in done.stderr
    assert str(Path("strange_filters", "filters.py")) in done.stderr


def plugin(*methods: str, name: str = "x", class_name: str = "Mine") -> str:
    body = "".join(f"    {line}\n" for method in methods for line in method.split("\n"))
    return f'@ipl.plugin("{name}")\nclass {class_name}:\n    """Does something."""\n{body}\n'


VOTE = "@ipl.hookimpl\ndef vote(self, hypotheses):\n    return []"
SELECT = "@ipl.hookimpl\ndef select(self, pool):\n    return []"

WRONG = {
    "a misspelt hook": (
        plugin(VOTE.replace("vote", "votes")),
        "Mine.votes is no hook of any role; did you mean 'vote'?",
    ),
    "a class without a hook": (plugin(VOTE.replace("@ipl.hookimpl", "")), "Mine has no method marked @ipl.hookimpl"),
    "two hooks in a class": (plugin(VOTE, SELECT), "Mine implements vote and select; a plugin has one role"),
    "an unknown argument": (
        plugin(VOTE.replace("hypotheses", "hypothesis")),
        "Mine.vote asks for 'hypothesis', which its hook does not give; did you mean 'hypotheses'?",
    ),
    "an argument that is never given": (plugin(VOTE.replace("s)", "s, cycle=None)")), "'cycle' has a default"),
    "two plugins of one name in a file": (plugin(VOTE) + plugin(VOTE, class_name="Other"), "Mine and Other are both"),
    "a built-in's name": (plugin(VOTE, name="score"), "two plugins are filter 'score'"),
    "an error while loading": ("1 / 0", "ZeroDivisionError"),
    "a script that ends itself": ("raise SystemExit(0)", "SystemExit"),
    "no Python": ("def", "SyntaxError"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_a_file_is_told_in_one_line_with_its_place(what: str, tmp_path: Path) -> None:
    source, expected = WRONG[what]
    file = tmp_path / "wrong.py"
    file.write_text(f"import ipl\n\n{source}")
    with pytest.raises(PluginError) as raised:
        Registry([file])
    message = str(raised.value)
    assert expected in message
    assert str(file) in message
    assert "\n" not in message


def test_a_broken_package_is_told_with_its_entry_point(tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipl]\nlost = broken_of_this_name.filters\n")
    done = run_ipl(tmp_path, "plugins", "list")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "entry point 'lost'" in done.stderr
    assert "broken_of_this_name" in done.stderr
