"""Checks a plugin against the contract of its role."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ipl.crashes import raised
from ipl.registry import PluginInfo
from ipl.testing.bench import Bench, Contract, numbered
from ipl.testing.contracts_cycle import CONTRACTS as CYCLE_CONTRACTS
from ipl.testing.contracts_data import CONTRACTS as DATA_CONTRACTS
from ipl.testing.contracts_mining import CONTRACTS as MINING_CONTRACTS
from ipl.testing.contracts_models import CONTRACTS as MODEL_CONTRACTS
from ipl.testing.result import CheckResult

__all__ = ["check_plugin"]

CONTRACTS: dict[str, Contract] = CYCLE_CONTRACTS | MODEL_CONTRACTS | MINING_CONTRACTS | DATA_CONTRACTS
"""Role to its contract."""

HEAVY = ("torch", "onnxruntime", "cv2", "easyocr", "rapidocr", "tensorboard", "ray")


def check_plugin(
    info: PluginInfo, options: Mapping[str, Any] | None = None, data: Path | None = None
) -> list[CheckResult]:
    """Tries a plugin on small generated data and says of each promise of its role whether it is kept.

    `options` are the plugin's own, of their types; `data` is an outside data set for a corpus to read.
    An exception of the plugin ends the checks as the last, failed result.
    """
    return list(_results(info, options or {}, data))


def _results(info: PluginInfo, options: Mapping[str, Any], data: Path | None) -> Iterator[CheckResult]:
    described = info.summary and not info.summary.startswith(f"{info.cls.__name__}(")  # what dataclasses puts there
    yield CheckResult("its docstring says what it does", None if described else "found none, expected a sentence")
    mute = [f"nothing is written below the field {option.name!r}" for option in info.options if not option.meaning]
    yield CheckResult("each option has its meaning as a string below it", numbered(mute))
    yield CheckResult("its file loads without heavy packages", _heavy_imports(info.cls.__module__, info.origin))
    with tempfile.TemporaryDirectory(prefix="ipl-check-") as folder:
        try:
            yield from CONTRACTS[info.role](Bench(info, options, Path(folder), data))
        except Exception as error:  # whatever a plugin raises is a finding
            yield CheckResult("runs to the end of the checks", raised(error, info))


@lru_cache
def _heavy_imports(module: str, origin: str) -> str | None:
    """What is wrong with a module's imports: `ipl check` and `ipl plugins` load it where there may be no torch."""
    load = (
        f"import runpy; runpy.run_path({origin!r})"
        if module.startswith("ipl_local_")
        else f"import importlib; importlib.import_module({module!r})"
    )
    found = f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"import sys; {load}; {found}"], capture_output=True, text=True)
    if done.returncode:
        return f"loading it alone failed: {done.stderr.strip().splitlines()[-1]}"
    heavy = done.stdout.split()
    return f"it loads {', '.join(heavy)}; import them inside the method" if heavy else None
