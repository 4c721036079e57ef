"""The package as others install it: the wheel, made through the sdist, and the names that `import ipl` offers."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ipl

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """`python -m build` makes the sdist, and the wheel out of it."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_our_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    metadata = {top for top in tops if top.endswith(".dist-info")}
    assert tops - metadata == {"ipl", "ipl_plugins", "ipl_extractors", "ipl_datasets"}
    assert len(metadata) == 1
    for name in ("ipl/loop.py", "ipl/py.typed", "ipl_plugins/filters.py", "ipl_extractors/vad.py"):
        assert name in wheel.namelist()


def test_the_wheel_has_its_metadata(wheel: zipfile.ZipFile) -> None:
    names = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    metadata = wheel.read(names["METADATA"]).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata
    entries = wheel.read(names["entry_points.txt"]).decode()
    assert "ipl = ipl.cli:main" in entries
    assert "filters = ipl_plugins.filters" in entries
    assert "LICENSE" in names


def test_the_shelves_are_no_packages() -> None:
    for shelf in ("plugins", "extractors", "datasets", "tests", "examples", "benchmarks"):
        assert not (ROOT / shelf / "__init__.py").exists()


def test_the_public_names_are_few_and_there() -> None:
    assert len(ipl.__all__) < 20
    for name in ipl.__all__:
        assert getattr(ipl, name).__doc__, name


def test_import_ipl_is_light() -> None:
    code = "import sys, ipl; print([name for name in sys.modules if name.split('.')[0] in {'torch', 'ipl_plugins'}])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
