"""Plugins without a model, entered through the plugin door: a run of seconds for tests of the loop.

The "model" is a number in a file. It reads the pool's truth from the loudness of the audio, with as many wrong
letters as its number says; training lowers the number.
"""

import json
import os
import re
import signal
from pathlib import Path

import numpy as np

import ipl
from ipl.audio import decode
from ipl.files import write_json
from ipl.forkserver import FORKS
from ipl.records import EpochResult, Hypothesis, ModelRef

CALLS = "IPL_TEST_CALLS"
KILL = "IPL_TEST_KILL"
SIGNAL = "IPL_TEST_SIGNAL"


def note(what):
    """Notes a call where the test can see it, and dies there if the test wants it."""
    if os.environ.get(CALLS):
        with Path(os.environ[CALLS]).open("a") as file:
            file.write(what + "\n")
    if os.environ.get(KILL) == what:
        os.kill(_owner() if what.startswith("shard") else os.getpid(), int(os.environ.get(SIGNAL, signal.SIGKILL)))


def _owner():
    """The process that runs the loop, seen from a worker: its parent, or the owner of the server that forked it."""
    parent = os.getppid()
    if not FORKS:
        return parent
    return int(re.search(r"^PPid:\s*(\d+)", Path(f"/proc/{parent}/status").read_text(), re.MULTILINE)[1])


def write_model(folder, errors):
    (folder / "model.safetensors").parent.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(bytes([errors]))
    write_json(folder / "config.json", {"errors": errors})


@ipl.plugin("fake")
class FakeInitializer:
    """A model of nine errors."""

    @ipl.hookimpl
    def initialize(self, out_dir):
        note("initialize")
        write_model(out_dir, 9)
        return ModelRef(out_dir, "x")


@ipl.plugin("fake")
class FakeTrainer:
    """Takes an error off at each epoch."""

    epochs: int = 2
    ranks: int = 1

    @ipl.hookimpl
    def train(self, student, out_dir, batches):
        errors = json.loads((student.path / "config.json").read_text())["errors"]
        for epoch in range(self.epochs):
            note(f"epoch {epoch}")
            errors = max(0, errors - 1)
            folder = out_dir / f"step-{epoch}"
            write_model(folder, errors)
            yield EpochResult(epoch, epoch, folder, {"dev_error": errors / 10})


@ipl.plugin("fake")
class FakeRecognizer:
    """Says the first letters of the alphabet, as many as the audio is loud."""

    fail_on: str = ""

    @ipl.hookimpl
    def recognize(self, utterances, teacher):
        note(f"shard {utterances[0].utt_id}")
        for each in utterances:
            assert each.text is None, "a recognizer must not see the truth"
            if self.fail_on and self.fail_on in each.utt_id:
                raise RuntimeError("cannot hear this one")
            samples, _ = decode(each.audio)
            text = letters(round(float(np.abs(samples).max()) * 100))
            yield Hypothesis(each.utt_id, text, -1.0 / (1 + len(text)), len(text), 1000)


def letters(count):
    return " ".join("abcdefghijklmnopqrstuvwxyz"[:count])


@ipl.plugin("fake")
class FakeBatcher:
    """One row a step."""

    @ipl.hookimpl
    def batch(self, epoch, ranks, utterances):
        note("batch")
        return [[[row] for _ in range(ranks)] for row in range(utterances.num_rows)]


@ipl.plugin("crashing")
class CrashingFilter:
    """Stumbles over the first hypothesis."""

    @ipl.hookimpl
    def vote(self, hypotheses):
        for each in hypotheses:
            yield each.no_such_field  # the line that is told


@ipl.plugin("crashing")
class CrashingTrainer:
    """Stumbles after an epoch."""

    epochs: int = 2
    ranks: int = 1

    @ipl.hookimpl
    def train(self, student, out_dir):
        write_model(out_dir / "step-0", 1)
        yield EpochResult(0, 0, out_dir / "step-0", {})
        raise KeyError("batches")


@ipl.plugin("crashing")
class CrashingBuilder:
    """Stumbles at once."""

    @ipl.hookimpl
    def build(self, models):
        return models[99]
