"""Models of Hugging Face say in ipl what they say there, as teachers, and learn with our trainer, as students."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch
from ipl_plugins.huggingface import HuggingFaceBuilder, HuggingFaceInitializer, HuggingFaceRecognizer
from ipl_plugins.recognizers import Ctc

from ipl.asr import features
from ipl.asr.huggingface import fetch, with_new_units, with_own_units
from ipl.asr.models.average import average
from ipl.asr.models.reference import model_ref
from ipl.asr.models.store import load, save
from ipl.asr.text import TextConfig
from ipl.asr.units import Units
from ipl.audio import encode_flac
from ipl.cli import main
from ipl.config import read_plan
from ipl.errors import InputError
from ipl.records import Cycle, Utterance
from ipl.registry import Registry
from ipl.rundir import RunDir
from ipl.schemas import UTTERANCES
from ipl.stages.context import Context
from ipl.tables import Dataset, write_table
from ipl.testing import small_dataset
from ipl.training.launch import run

transformers = pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parent))
from helpers_huggingface import VOCABULARY, make_ctc, make_whisper  # noqa: E402
from helpers_training import make_job, utterances  # noqa: E402

RATE = 16_000
KINDS: dict[str, dict[str, Any]] = {
    "Wav2Vec2": {},
    "Wav2Vec2 layer": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    "Hubert": {},
    "WavLM": {},
}


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    tones = [np.sin(np.arange(RATE // 10) * generator.uniform(0.05, 1.5)) for _ in range(round(10 * seconds))]
    return np.round(np.concatenate(tones) * 8000 + generator.normal(0, 300, round(RATE * seconds))) / 32768


def utterance(utt_id: str, samples: np.ndarray, text: str | None = None) -> Utterance:
    audio, end_ms = encode_flac(samples, RATE), len(samples) * 1000 // RATE
    return Utterance(utt_id, "s", 0, end_ms, audio, RATE, len(samples), text, origin="labelled")


def log_probs_there(network: Any, samples: np.ndarray) -> torch.Tensor:
    """What transformers itself says of an utterance, [T', V], of the tokens that are units in ipl."""
    prepared = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)(
        samples, sampling_rate=RATE, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = network(prepared.input_values).logits[0]
    kept = [0, *range(VOCABULARY.index("|"), len(VOCABULARY))]
    return logits[:, kept].log_softmax(dim=-1)


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_says_there_alone_and_in_company(kind: str, tmp_path: Path) -> None:
    network = make_ctc(tmp_path, kind.split()[0], **KINDS[kind])
    model = with_own_units(tmp_path)
    assert model.units.symbols == ("<blank>", " ", *"abcd'")
    sounds = [sound(1.0), sound(0.4, seed=1)]  # whole frames, so that nothing is padded
    heard = [features.compute(torch.from_numpy(each).float(), model.config.features) for each in sounds]
    with torch.inference_mode():
        together, out_frames = model(*features.pad(heard))
    for found, frames, each in zip(together, out_frames.tolist(), sounds, strict=True):
        expected = log_probs_there(network, each)
        assert frames == len(expected)
        assert (found[:frames] - expected).abs().max() < 2e-3


def test_the_teacher_writes_with_beam_and_times(tmp_path: Path) -> None:
    make_ctc(tmp_path / "checkpoint")
    (tmp_path / "made").mkdir()
    teacher = HuggingFaceBuilder(model=str(tmp_path / "checkpoint")).build(tmp_path / "made")
    said = [utterance("u", sound(2.0)), utterance("v", sound(1.0, seed=2)), utterance("short", sound(0.1)[:200])]
    found = {each.utt_id: each for each in Ctc(words=True).recognize(said, teacher)}
    assert found["u"].text
    assert set(found["u"].text) <= set("abcd' ")
    assert [word.text for word in found["u"].words] == found["u"].text.split()
    assert found["u"].words[-1].end_ms <= 2000
    assert found["short"].text == ""
    as_it_is = {each.utt_id: each for each in Ctc(words=True).recognize(said, model_ref(tmp_path / "checkpoint"))}
    assert as_it_is["u"].text == found["u"].text
    by_name = {each.utt_id: each for each in HuggingFaceRecognizer(beam=8).recognize(said, teacher)}
    assert by_name["v"].text == found["v"].text


def test_a_model_comes_back_from_disk_and_can_be_averaged(tmp_path: Path) -> None:
    make_ctc(tmp_path / "checkpoint")
    model = with_own_units(tmp_path / "checkpoint")
    save(model, tmp_path / "one")
    average([tmp_path / "one", tmp_path / "one"], tmp_path / "mean")
    heard = features.pad([features.compute(torch.from_numpy(sound(1.0)).float(), model.config.features)])
    with torch.inference_mode():
        assert torch.equal(load(tmp_path / "one")(*heard)[0], model(*heard)[0])
        assert torch.allclose(load(tmp_path / "mean")(*heard)[0], model(*heard)[0], atol=1e-6)


def score_there(network: Any, tokenizer: Any, samples: np.ndarray, language: str, said: list[int]) -> float:
    """The log probability of tokens by Whisper's decoder, one after the other."""
    made = transformers.WhisperFeatureExtractor()(samples, sampling_rate=RATE, return_tensors="pt").input_features
    before = [f"<|{each}|>" for each in ("startoftranscript", language, "transcribe", "notimestamps")]
    tokens = tokenizer.convert_tokens_to_ids(before)
    total = 0.0
    for token in said:
        with torch.inference_mode():
            logits = network(made, decoder_input_ids=torch.tensor([tokens])).logits[0, -1]
        total += float(logits.log_softmax(dim=-1)[token])
        tokens = [*tokens, token]
    return total


def test_whisper_writes_what_it_writes_there(tmp_path: Path) -> None:
    network = make_whisper(tmp_path)
    tokenizer = transformers.WhisperTokenizer.from_pretrained(tmp_path)
    teacher = HuggingFaceBuilder(model=str(tmp_path)).build(tmp_path / "unused")
    said = [utterance("u", sound(2.0)), utterance("v", sound(0.7, seed=3)), utterance("empty", np.zeros(0))]
    found = {each.utt_id: each for each in HuggingFaceRecognizer(language="sw").recognize(said, teacher)}
    assert set(found) == {"u", "v", "empty"}
    assert (found["empty"].text, found["empty"].num_units) == ("", 0)
    made = transformers.WhisperFeatureExtractor()(sound(2.0), sampling_rate=RATE, return_tensors="pt").input_features
    there = network.generate(made, language="sw", task="transcribe", max_length=24)[0].tolist()
    assert found["u"].text == tokenizer.decode(there, skip_special_tokens=True).strip()
    assert len(set(found["u"].text)) > 1
    expected = score_there(network, tokenizer, sound(2.0), "sw", there)
    count = len(there) - (there[-1] == tokenizer.eos_token_id)
    assert found["u"].num_units == count
    assert found["u"].score == pytest.approx(expected / (count + 1), abs=1e-4)
    guessed = list(HuggingFaceRecognizer(beam=2).recognize(said, teacher))
    assert len(guessed) == 3
    with pytest.raises(InputError, match="language: found 'swa'; did you mean 'sw'"):
        list(HuggingFaceRecognizer(language="swa").recognize(said, teacher))


def test_the_commands_take_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_whisper(tmp_path / "whisper")
    make_ctc(tmp_path / "ctc")
    write_table(tmp_path / "d" / "part-0.parquet", [utterance("u", sound(1.0), "ab ca")], UTTERANCES)
    for kind in ("whisper", "ctc"):
        assert main(["evaluate", "--model", str(tmp_path / kind), "--data", str(tmp_path / "d"), "--beam", "2"]) == 0
        assert "over 2 words" in capsys.readouterr().out
    sf.write(tmp_path / "a.wav", np.zeros(16_000, np.float32), 16_000)
    for wrong, told in (
        (["--format", "ctm"], "Whisper tells no times of words"),
        (["--decode", "rescore"], "Whisper takes no rescore"),
        (["--streaming"], "cannot be streamed"),
    ):
        assert main(["transcribe", "--model", str(tmp_path / "whisper"), str(tmp_path / "a.wav"), *wrong]) == 2
        assert told in capsys.readouterr().err
    assert main(["transcribe", "--model", str(tmp_path / "ctc"), "--language", "sw", str(tmp_path / "a.wav")]) == 2
    assert "only Whisper is told" in capsys.readouterr().err


def test_whisper_hears_long_sound_in_pieces(tmp_path: Path) -> None:
    make_whisper(tmp_path)
    pieces = [sound(30.0), sound(1.0, seed=4)]
    said = [utterance("long", np.concatenate(pieces)), utterance("a", pieces[0]), utterance("b", pieces[1])]
    found = {each.utt_id: each for each in HuggingFaceRecognizer(language="en").recognize(said, model_ref(tmp_path))}
    assert found["long"].text == f"{found['a'].text} {found['b'].text}".strip()
    assert found["long"].num_units == found["a"].num_units + found["b"].num_units


def steps_of_learning(model: Any, count: int) -> Iterable[float]:
    """Losses on two utterances, by the plainest loop."""
    heard = [features.compute(torch.from_numpy(sound(1.0, seed)).float(), model.config.features) for seed in (1, 2)]
    padded, num_frames = features.pad(heard)
    texts = [model.units.encode(text) for text in ("abba", "cad")]
    flat, lengths = torch.tensor([unit for text in texts for unit in text]), torch.tensor([4, 3])
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=3e-3)
    model.train()
    for _ in range(count):
        log_probs, out_frames = model(padded, num_frames)
        loss = torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), flat, out_frames, lengths)
        optimizer.zero_grad()
        loss.backward()
        assert all(each.grad is not None for each in model.parameters() if each.requires_grad)  # as DDP wants it
        optimizer.step()
        yield loss.item()


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "Whisper"])
def test_a_pretrained_network_learns_new_units(kind: str, tmp_path: Path) -> None:
    if kind == "Whisper":
        make_whisper(tmp_path)
    else:
        make_ctc(tmp_path, kind, has_head=False, mask_time_prob=0.05)
    model = with_new_units(tmp_path, Units.collect(["abcd"]), TextConfig(), seed=1)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    torch.manual_seed(0)
    losses = list(steps_of_learning(model, 12))
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < 0.7 * losses[0]
    changed = {name for name, each in model.state_dict().items() if not torch.equal(each, before[name])}
    assert any("encoder" in name and "layers" in name for name in changed)
    assert not any("feature_extractor" in name for name in changed)


def test_our_trainer_fine_tunes_it_on_two_ranks(tmp_path: Path) -> None:
    job = make_job(tmp_path, list(utterances(12, seed=0)), epochs=2, ranks=2, amp="off")
    make_ctc(tmp_path / "checkpoint", has_head=False, mask_time_prob=0.05)
    save(with_new_units(tmp_path / "checkpoint", Units.collect(["abcde "]), TextConfig(), seed=1), job.student)
    results = list(run(job))
    assert [each.epoch for each in results] == [0, 1]
    assert all(math.isfinite(each.metrics["loss"]) for each in results)
    assert results[1].metrics["loss"] < results[0].metrics["loss"]
    trained, begun = load(results[1].path), load(job.student)
    assert trained.config == begun.config
    assert not torch.equal(trained.output.weight, begun.output.weight)


def test_whisper_s_features_are_those_of_its_own_extractor(tmp_path: Path) -> None:
    make_whisper(tmp_path)
    model = with_new_units(tmp_path, Units.collect(["ab"]), TextConfig(), seed=1)
    samples = sound(2.0).astype(np.float32)
    expected = transformers.WhisperFeatureExtractor()(samples, sampling_rate=RATE, return_tensors="pt").input_features
    padded = torch.nn.functional.pad(torch.from_numpy(samples)[None], (0, 28 * RATE))
    assert (model.encoder._log_mel(padded) - expected).abs().max() < 1e-4
    with pytest.raises(InputError, match=r"an utterance has 31\.0 s, expected at most 30\.0"):
        model.encoder(torch.zeros(1, 3100, 160), torch.tensor([3100]))


@pytest.mark.parametrize("head", ["own", "new"])
def test_the_student_starts_from_it(head: str, tmp_path: Path) -> None:
    make_ctc(tmp_path / "checkpoint")
    write_table(tmp_path / "d" / "part-0.parquet", [utterance("u", sound(1.0), "Ab, xy")], UTTERANCES)
    plugin = HuggingFaceInitializer(model=str(tmp_path / "checkpoint"), head=head)  # type: ignore[arg-type]
    student = plugin.initialize(Cycle(0, "seed", 7), Dataset.at(tmp_path / "d"), tmp_path / "out")
    units = load(student.path).units.symbols
    assert units == (("<blank>", " ", *"abcd'") if head == "own" else ("<blank>", " ", *"abxy"))


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ctc(tmp_path / "bare", has_head=False)
    with pytest.raises(InputError, match="has no CTC layer"):
        with_own_units(tmp_path / "bare")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match=r"found model_type 'bert' in config\.json, expected one of wav2vec2"):
        fetch(str(tmp_path / "bert"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="neither a folder nor a model that can be downloaded"):
        fetch("nobody/nothing")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'ipl\[huggingface\]'"):
        with_own_units(tmp_path / "bare")


def test_a_plan_is_proved_without_loading_or_fetching_anything(tmp_path: Path) -> None:
    small_dataset(tmp_path / "d")
    lines = [
        "name: p",
        "data: {labelled: d, dev: d, pool: d}",
        "cycles:",
        "  - {initializer: {use: huggingface, model: facebook/mms-300m}, selector: none}",
        "  - {builder: {use: huggingface, model: openai/whisper-small}, recognizer: {use: huggingface, language: sw}}",
    ]
    (tmp_path / "cycles.yaml").write_text("\n".join(lines), encoding="utf-8")
    code = "import ipl, sys; ipl.check(sys.argv[1]); sys.exit('transformers' in sys.modules or 'torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "cycles.yaml")], check=True)


def test_a_model_beside_the_plan_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_dataset(tmp_path / "d")
    make_whisper(tmp_path / "hf" / "whisper")
    (tmp_path / "cycles.yaml").write_text(
        "name: p\ndata: {labelled: d, dev: d, pool: d}\ndefaults: {initializer: scratch}\n"
        "cycles: [{builder: {use: huggingface, model: hf/whisper}, recognizer: {use: huggingface}},"
        " {builder: {use: huggingface, model: openai/whisper-small}, recognizer: {use: huggingface}}]\n"
    )
    plan = read_plan(tmp_path / "cycles.yaml")
    models = [cycle.roles["builder"].options["model"] for cycle in plan.cycles]
    assert models == [tmp_path / "hf" / "whisper", "openai/whisper-small"]
    monkeypatch.chdir(tmp_path)
    ctx = Context(plan, RunDir(tmp_path / "run"), 1, "local")
    saved = ctx.portable(HuggingFaceBuilder(model=Path("hf/whisper")).build(tmp_path / "out"))
    assert ctx.restore(saved, "f").path == tmp_path / "hf" / "whisper"


@pytest.mark.parametrize("role", ["builder", "recognizer", "initializer"])
def test_it_comes_by_the_plugins_door(role: str) -> None:
    info = Registry().get(role, "huggingface")
    assert info.cls.__module__ == "ipl_plugins.huggingface"
    assert all(option.meaning for option in info.options)
