"""The benchmark beside peers runs: small here, and without Hugging Face's packages it says that it did not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "peers.py"


def test_all_of_it_runs_small(tmp_path: Path) -> None:
    options = ["--tiny", "--minutes", "0.3", "--rounds", "1", "--data", str(tmp_path / "none")]
    done = subprocess.run([sys.executable, str(SCRIPT), *options], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found["peers"]) == {"ipl conformer", "ipl wav2vec2", "trainer wav2vec2", "trainer w2v-bert"}
    for figures in found["peers"].values():
        assert figures["x_processor"] > 0
        assert 0 <= figures["padding"] < 1
    assert found["peers"]["ipl wav2vec2"]["parameters"] == found["peers"]["trainer wav2vec2"]["parameters"]


def test_without_the_peer_it_is_skipped_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    peers = importlib.import_module("peers")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["peers.py"])
    peers.main()
    assert (
        json.loads(capsys.readouterr().out.splitlines()[-1])["skipped"] == "transformers and accelerate not installed"
    )
