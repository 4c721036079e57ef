"""A hybrid learns eight utterances by heart, and every way of decoding says them again without an error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ipl.asr import features
from ipl.asr.config import FeatureConfig, ModelConfig
from ipl.asr.listening import Listener
from ipl.asr.metrics import ErrorRate, word_errors
from ipl.asr.models.model import CtcModel, create
from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import load, save
from ipl.asr.recognition import DecodingOptions, recognize
from ipl.asr.units import Units
from ipl.cli import main
from ipl.errors import InputError
from ipl.files import read_json
from ipl.records import ModelRef
from ipl.schemas import UTTERANCES
from ipl.tables import write_table

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import LETTERS, RATE, utterances

SEED = 5
HEARD = FeatureConfig(RATE, 40, "fixed")


def by_heart(architecture: str, seed: int, steps: int = 130, **sizes: float) -> CtcModel:
    """A hybrid that was shown eight utterances `steps` times."""
    torch.manual_seed(seed)
    small = {"width": 48, "layers": 2, "subsampling": 3, "dropout": 0.0, "decoder_layers": 1, **sizes}
    model = create(ModelConfig(architecture, small, HEARD), Units.collect([LETTERS]), seed)
    rows = list(utterances(8, seed))
    samples = [features.read_samples(row.audio, HEARD, row.utt_id) for row in rows]
    padded, num_frames = features.pad([features.compute(each, HEARD) for each in samples])
    texts = [model.units.encode(row.text) for row in rows]
    targets = torch.tensor([unit for text in texts for unit in text])
    num_units = torch.tensor([len(text) for text in texts])
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, (step + 1) / 10, 3 * (1 - step / steps))
        log_probs, out_frames, *attention = model(padded, num_frames, targets, num_units)
        ctc = nn.functional.ctc_loss(log_probs.transpose(0, 1), targets, out_frames, num_units, reduction="none")
        model.joint_losses(ctc, attention)["loss"].sum().div(num_units.sum()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def word_error_rate(teacher: ModelRef, seed: int, options: DecodingOptions) -> float:
    rows = {row.utt_id: row for row in utterances(8, seed)}
    errors = ErrorRate()
    for found in recognize(list(rows.values()), teacher, options):
        errors += word_errors(rows[found.utt_id].text or "", found.text)
    return errors.errors / errors.num_units


@pytest.mark.parametrize(("architecture", "seed"), [("conformer", SEED), ("transformer", 11)])
def test_what_was_learnt_by_heart_is_said_again(architecture: str, seed: int, tmp_path: Path) -> None:
    save(by_heart(architecture, seed), tmp_path / "model")
    teacher = model_ref(tmp_path / "model")
    for decode in ("rescore", "joint"):
        assert word_error_rate(teacher, seed, DecodingOptions(4, device="cpu", decode=decode)) == 0.0


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streamed")
    save(by_heart("conformer", SEED, dynamic_chunks=1, chunk_frames=8, right_frames=4), folder)
    return folder


def test_a_stream_is_rescored_at_its_end(streamed: Path) -> None:
    options = DecodingOptions(4, device="cpu", decode="rescore")
    teacher, model = model_ref(streamed), load(streamed)
    rows = list(utterances(3, SEED))
    whole = {found.utt_id: found for found in recognize(rows, teacher, options)}
    for row in rows:
        samples = features.read_samples(row.audio, HEARD, row.utt_id)
        listener = Listener(model, options)
        for piece in samples.split(RATE // 10):
            listener.hear(piece)
        listener.hear(torch.zeros(0), is_last=True)
        found = listener.hypothesis(row)
        assert found.text == whole[row.utt_id].text
        assert found.score == pytest.approx(whole[row.utt_id].score, abs=1e-3)
    silent = Listener(model, options)
    silent.hear(torch.zeros(0), is_last=True)
    assert silent.hypothesis(rows[0]).text == ""


def test_the_command_line_decodes_with_it(streamed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(tmp_path / "data" / "part-0.parquet", utterances(8, SEED), UTTERANCES)
    rates = []
    for decode in ("greedy", "rescore", "joint"):
        arguments = ["--model", str(streamed), "--data", str(tmp_path / "data"), "--json", str(tmp_path / "rates.json")]
        assert main(["evaluate", "--decode", decode, "--ctc-weight", "0.4", "--beam", "4", *arguments]) == 0
        rates.append(read_json(tmp_path / "rates.json")["wer"])
    assert rates[1:] == [0.0, 0.0]
    assert "WER" in capsys.readouterr().out


def test_alternatives_are_in_the_order_of_joint_scores(streamed: Path) -> None:
    teacher = model_ref(streamed)
    for decode in ("rescore", "joint"):
        options = DecodingOptions(6, n_best=3, device="cpu", decode=decode, ctc_weight=0.5)
        for found in recognize(list(utterances(4, SEED + 1)), teacher, options):
            assert 1 <= len(found.alternatives) <= 3
            assert found.alternatives[0] == (found.text, found.score)
            assert len({text for text, _ in found.alternatives}) == len(found.alternatives)


def test_a_model_without_a_decoder_is_refused(tmp_path: Path) -> None:
    save(create(ModelConfig("conv", {"width": 16, "layers": 1}, HEARD), Units.collect([LETTERS]), 1), tmp_path)
    for decode in ("rescore", "joint"):
        with pytest.raises(InputError, match="no attention decoder"):
            list(recognize(list(utterances(1, 1)), model_ref(tmp_path), DecodingOptions(decode=decode)))
