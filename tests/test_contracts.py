"""Every built-in plugin keeps its role's contract, and the contracts notice plugins that break them."""

import importlib.util
import shutil
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile as sf

from ipl.audio import decode
from ipl.hookspecs import ROLES
from ipl.registry import PluginInfo, Registry, implement
from ipl.testing import check_plugin, small_dataset, small_model, small_utterances
from ipl.testing.bench import Bench
from ipl.testing.check import CONTRACTS

BUILT_IN = [info for info in Registry() if info.cls.__module__.split(".")[0].startswith("ipl_")]
OPTIONS = {
    ("selector", "budget"): {"hours": 1.0},
    ("corpus", "spoken_sentences"): {"part": "dev", "utterances": 3},
    ("supplier", "factory"): {"videos": 1, "sentences": 1},
    ("supplier", "varied_factory"): {"videos": 1, "sentences": 1, "tallest": 240},
}
MISSING = {
    ("text_reader", "easyocr"): None if importlib.util.find_spec("easyocr") else "the package easyocr is not installed",
    ("text_reader", "tesseract"): None if shutil.which("tesseract") else "the program tesseract is not on PATH",
}


def test_every_role_has_a_contract() -> None:
    assert set(CONTRACTS) == set(ROLES)


@pytest.mark.parametrize("info", BUILT_IN, ids=lambda info: f"{info.role}-{info.name}")
def test_built_in_plugins_keep_their_contracts(info: PluginInfo, tmp_path: Path) -> None:
    key = (info.role, info.name)
    if reason := MISSING.get(key):
        pytest.skip(reason)
    options = dict(OPTIONS.get(key, {}))
    if info.name == "external":
        options["path"] = small_model(tmp_path / "outside", small_dataset(tmp_path / "labelled")).path
    if info.name == "huggingface" and info.role in ("builder", "initializer"):
        pytest.importorskip("transformers")
        sys.path.insert(0, str(Path(__file__).parent))
        from helpers_huggingface import make_ctc

        make_ctc(tmp_path / "outside")
        options["model"] = str(tmp_path / "outside")
    if key == ("builder", "transcripts"):
        (tmp_path / "said.tsv").write_text("utt_id\ttext\nu\tx\n", encoding="utf-8")
        options["path"] = tmp_path / "said.tsv"
    failed = [str(result) for result in check_plugin(info, options, _data_of(info, tmp_path)) if not result.ok]
    assert not failed, "\n".join(failed)


def _data_of(info: PluginInfo, tmp_path: Path) -> Path | None:
    """A data set in the format of a corpus that cannot read the generated one."""
    if info.role != "corpus":
        return None
    out_dir = tmp_path / "data"
    out_dir.mkdir()
    if info.name in ("kaldi", "manifest"):
        hook = implement("exporter", [Registry().get("exporter", info.name).cls()])
        files = list(hook(utterances=small_dataset(tmp_path / "utterances"), out_dir=out_dir))
        return out_dir if info.name == "kaldi" else next(f for f in files if f.suffix in (".tsv", ".csv", ".jsonl"))
    if info.name == "librispeech":
        chapter = out_dir / "19" / "198"
        chapter.mkdir(parents=True)
        lines = []
        for number, each in enumerate(small_utterances(3)):
            sf.write(chapter / f"19-198-{number:04d}.flac", *decode(each.audio))
            lines.append(f"19-198-{number:04d} {each.text}\n")
        (chapter / "19-198.trans.txt").write_text("".join(lines), encoding="utf-8")
        return out_dir
    return None


BROKEN = {
    "selects utt_ids of the pool": """
        def select(self, pool):
            return ["not-there"]
    """,
    "selects each at most once": """
        def select(self, pool):
            return [row["utt_id"] for row in pool.read_columns("utt_id")] * 2
    """,
    "selects the same for the same seed": """
        def select(self, pool):
            import os
            ids = [row["utt_id"] for row in pool.read_columns("utt_id")]
            return [each for each in ids if os.urandom(1)[0] % 2]
    """,
    "votes only on hypotheses that are there": """
        def vote(self, hypotheses):
            return [Vote("not-there", "keep")]
    """,
    "votes at most once on each": """
        def vote(self, hypotheses):
            return [Vote(each.utt_id, "keep") for each in hypotheses] * 2
    """,
    "says keep, reject or abstain": """
        def vote(self, hypotheses):
            return [Vote(each.utt_id, "maybe") for each in hypotheses]
    """,
    "gives a reason with every reject": """
        def vote(self, hypotheses):
            return [Vote(each.utt_id, "reject") for each in hypotheses]
    """,
    "makes a batch for every rank at every step": """
        def batch(self, utterances):
            return [[list(range(utterances.num_rows))]]
    """,
    "leaves no rank without rows": """
        def batch(self, utterances, ranks):
            return [[list(range(rank, utterances.num_rows, ranks)) for rank in range(ranks)]]
    """,
    "batches rows that are there": """
        def batch(self, utterances, ranks):
            return [[[utterances.num_rows] for rank in range(ranks)]]
    """,
    "its folder holds config.json": """
        def build(self, out_dir):
            return ModelRef(out_dir, "fingerprint")
    """,
    "its folder holds config.json and model.safetensors": """
        def initialize(self, out_dir):
            return ModelRef(out_dir, "fingerprint")
    """,
    "leaves the given models as they are": """
        def initialize(self, models, teacher):
            for model in models:
                (model.path / "config.json").write_text("{}")
            return (teacher or models[-1]) if models else teacher
    """,
    "gives one hypothesis for each utterance, also of 0 samples and of 8 kHz": """
        def recognize(self, utterances):
            return [Hypothesis(u.utt_id, "", -1.0, 0, u.end_ms) for u in utterances if u.num_samples]
    """,
    "scores are log probabilities: finite, at most 0": """
        def recognize(self, utterances):
            return [Hypothesis(u.utt_id, "", 0.9, 0, u.end_ms) for u in utterances]
    """,
    "has the options epochs and ranks": """
        def train(self, student, out_dir):
            yield EpochResult(0, 0, student.path, {})
    """,
    "gives a list of readings for each of several pictures": """
        def read_text(self, pictures):
            return []
    """,
    "boxes lie in their pictures": """
        def read_text(self, pictures):
            return [[Reading("a", 1.0, (0, 0, 9999, 10))] for picture in pictures]
    """,
    "what it tells of the characters of pictures fits the text": """
        def read_text(self, pictures):
            told = {"centres": (4.0,), "scores": (0.5,), "alternatives": (Alternative(0, 2, "b", 0.5),)}
            return [[Reading("a", 1.0, (0, 0, 9, 9), **told)] for picture in pictures]
    """,
    "spans are in order and do not touch, at 16000 Hz": """
        def detect_voice(self, blocks):
            sum(len(block) for block in blocks)
            return iter([Span(0, 10), Span(10, 20)])
    """,
    "gives the same spans for blocks of odd lengths, at 16000 Hz": """
        def detect_voice(self, blocks, sample_rate_hz):
            for number, block in enumerate(blocks):
                if len(block):
                    yield Span(2 * number, 2 * number + 1)
    """,
    "cues are displayed within the source": """
        def extract_cues(self, media):
            return [Cue(media.path.name, 0, 10**9, "text", "track")]
    """,
    "gives nothing where there are no subtitles": """
        def extract_cues(self, media):
            return [Cue(media.path.name, 0, 100, "text", "track")]
    """,
    "gives a pair or a reject for each cue": """
        def align(self, cues):
            return [Reject(cue.source_id, cue.start_ms, cue.end_ms, "align", "no") for cue in cues[1:]]
    """,
    "pairs do not overlap": """
        def align(self, cues):
            return [Pair(c.source_id, c.start_ms, c.end_ms, c.text, None, Span(c.start_ms, c.end_ms)) for c in cues]
    """,
    "supplies files": """
        def supply(self, out_dir):
            return []
    """,
    "files lie in out_dir": """
        def supply(self, out_dir):
            return [out_dir / "not-there.wav"]
    """,
    "each utt_id occurs once": """
        def read_corpus(self, path):
            from ipl.testing import small_utterances
            return [*small_utterances(2), *small_utterances(2)]
    """,
    "audio is what the row says of it": """
        def read_corpus(self, path):
            from dataclasses import replace
            from ipl.testing import small_utterances
            return [replace(each, num_samples=1) for each in small_utterances(2)]
    """,
    "names every file that it writes": """
        def export(self, utterances, out_dir):
            (out_dir / "text").write_text("more than nothing")
            return []
    """,
}


@pytest.mark.parametrize("promise", BROKEN, ids=lambda promise: promise.replace(" ", "-"))
def test_a_broken_promise_is_found(promise: str, tmp_path: Path) -> None:
    info = _plugin(tmp_path, textwrap.dedent(BROKEN[promise]).strip())
    found = {}
    with suppress(Exception):  # one promise broken may make the next ones impossible to try
        for result in CONTRACTS[info.role](Bench(info, {}, tmp_path / "bench")):
            found[result.promise] = result
    assert not found[promise].ok
    assert "\n" not in str(found[promise])


def _plugin(tmp_path: Path, method: str) -> PluginInfo:
    file = tmp_path / "broken.py"
    body = textwrap.indent(f"@ipl.hookimpl\n{method}", "    ")
    file.write_text(
        "import ipl\nfrom ipl.records import *\n\n"
        f'@ipl.plugin("broken")\nclass Broken:\n    """Breaks a promise."""\n{body}\n'
    )
    return next(info for info in Registry([file]) if info.name == "broken")


def test_what_a_plugin_raises_is_told_with_its_line(tmp_path: Path) -> None:
    info = _plugin(tmp_path, "def vote(self, hypotheses):\n    raise KeyError('lost')")
    assert check_plugin(info)[-1].problem == "raised KeyError (broken.py, line 9): 'lost'"


def test_a_forgotten_return_is_told(tmp_path: Path) -> None:
    for hook in ("def vote(self): pass", "def select(self): pass"):
        problem = check_plugin(_plugin(tmp_path, hook))[-1].problem
        assert problem is not None
        assert "returned nothing" in problem


def test_mute_plugins_and_heavy_imports_are_found(tmp_path: Path) -> None:
    file = tmp_path / "mute.py"
    file.write_text(
        "import ipl, onnxruntime\n\n@ipl.plugin('mute')\nclass Mute:\n    share: float = 0.5\n\n"
        "    @ipl.hookimpl\n    def vote(self):\n        return []\n"
    )
    failed = [str(result) for result in check_plugin(Registry([file]).get("filter", "mute")) if not result.ok]
    assert failed == [
        "FAILED  its docstring says what it does: found none, expected a sentence",
        "FAILED  each option has its meaning as a string below it: nothing is written below the field 'share'",
        "FAILED  its file loads without heavy packages: it loads onnxruntime; import them inside the method",
    ]
