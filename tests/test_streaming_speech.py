"""Recognition while one speaks: piece by piece it comes to what is heard in the whole, and says so on the way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ipl
from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.features import fbank
from ipl.asr.listening import Listener
from ipl.asr.lm.arpa import write_arpa
from ipl.asr.lm.estimate import estimate
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import load, save
from ipl.asr.recognition import DecodingOptions, recognize
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.cli import main
from ipl.errors import InputError
from ipl.records import Hypothesis, Utterance

RATE = 16_000


def talkative(features: FeatureConfig, **sizes: float) -> CtcModel:
    """A model with random weights whose units are all as frequent: what it writes is nonsense that depends on all."""
    config = ModelConfig("transformer", {"width": 32, "layers": 2, "heads": 2, **sizes}, features)
    model = create(config, Units.collect(["abc "]), seed=3)
    with torch.no_grad():
        frames = fbank(torch.from_numpy(sound(4.0)).float(), RATE, features.num_mels)[None]
        encoded = model.eval().encoder(frames, torch.tensor([frames.shape[1]]))[0].flatten(0, 1)
        model.output.weight *= 3 / (encoded @ model.output.weight.T).std(dim=0)[:, None]
        model.output.bias.copy_(-(encoded @ model.output.weight.T).mean(dim=0))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save(talkative(FeatureConfig(RATE, 40, "fixed"), chunk_frames=8, left_chunks=2), folder / "model")
    write_arpa(estimate(["ab c", "cab"], 3), folder / "lm.arpa")
    return folder


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    tones = [np.sin(np.arange(RATE // 10) * generator.uniform(0.05, 1.5)) for _ in range(int(10 * seconds))]
    return np.round(np.concatenate(tones) * 8000) / 32768


def utterance(samples: np.ndarray) -> Utterance:
    return Utterance("u", "s", 0, len(samples) * 1000 // RATE, encode_flac(samples, RATE), RATE, len(samples))


def heard(
    model: CtcModel, options: DecodingOptions, samples: np.ndarray, cuts: Sequence[int]
) -> tuple[Hypothesis, set]:
    listener, shown = Listener(model, options), set()
    for piece in np.split(samples, sorted(cuts)):
        listener.hear(torch.from_numpy(piece.astype(np.float32)))
        shown.add(listener.text)
    listener.hear(torch.zeros(0), is_last=True)
    return listener.hypothesis(utterance(samples)), shown


@pytest.mark.parametrize("kind", ["greedy", "beam", "beam with a language model"])
@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 4 * RATE), max_size=12), st.floats(0.2, 4.0), st.integers(0, 99))
def test_pieces_come_to_the_whole(folder: Path, kind: str, cuts: list[int], seconds: float, seed: int) -> None:
    lm = folder / "lm.arpa" if "language" in kind else None
    options = DecodingOptions(1 if kind == "greedy" else 4, device="cpu", language_model=lm, words=True)
    samples = sound(seconds, seed)
    reference = model_ref(folder / "model")
    (whole,) = recognize([utterance(samples)], reference, options)
    found, _ = heard(load(folder / "model"), options, samples, cuts)
    assert found.text == whole.text
    assert found.score == pytest.approx(whole.score, rel=1e-5, abs=1e-4)
    assert [(each.text, each.start_ms) for each in found.words] == [(each.text, each.start_ms) for each in whole.words]


def test_text_grows_while_it_is_heard(folder: Path) -> None:
    samples = sound(4)
    found, shown = heard(load(folder / "model"), DecodingOptions(4), samples, range(0, len(samples), RATE // 10))
    assert len(found.text) > 5
    assert len(shown) > 5


def test_a_file_is_told_as_it_goes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "speech.wav"
    sf.write(file, sound(6, seed=1), RATE, subtype="PCM_16")
    segments = list(ipl.stream(folder / "model", file, beam=4, device="cpu", words=True))
    final = [each for each in segments if each.is_final]
    assert 0 < len(final) < len(segments)
    assert final[0].start_ms == 0
    assert final[-1].end_ms == 6000
    assert all(first.end_ms <= second.start_ms for first, second in pairwise(final))
    for each in final:
        assert " ".join(word.text for word in each.words) == each.text
        assert all(each.start_ms <= word.start_ms < word.end_ms <= each.end_ms + 30 for word in each.words)
    assert main(["transcribe", "--model", str(folder / "model"), "--streaming", "--beam", "4", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [each.text for each in final]
    assert main(["transcribe", "--model", str(folder / "model"), "--streaming", "--format", "srt", str(file)]) == 2


def test_several_files_are_written_one_by_one(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "a b.wav", tmp_path / "film.wav"]
    for number, file in enumerate(files):
        sf.write(file, sound(3, seed=number), RATE, subtype="PCM_16")
    command = ["transcribe", "--model", str(folder / "model"), "--format", "srt", *map(str, files)]
    assert main(command) == 2
    assert "name a folder for them with --out" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "srt")]) == 0
    assert capsys.readouterr().out == ""
    assert sorted(each.name for each in (tmp_path / "srt").iterdir()) == ["a b.srt", "film.srt"]
    assert main([*command, str(tmp_path / "other/film.wav"), "--out", str(tmp_path / "srt")]) == 2
    assert "2 of the files are named film" in capsys.readouterr().err


def test_what_cannot_be_streamed_is_told() -> None:
    with pytest.raises(InputError, match="normalised by utterance"):
        Listener(talkative(FeatureConfig(RATE, 40), chunk_frames=8), DecodingOptions())
    with pytest.raises(InputError, match="without chunks"):
        Listener(talkative(FeatureConfig(RATE, 40, "fixed")), DecodingOptions())
