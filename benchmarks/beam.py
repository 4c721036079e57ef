"""CTC prefix beam search: speed on one core, cost of a language model, and equality with a search one by one.

python benchmarks/beam.py [--units 29 100 500] [--utterances 64] [--compared 1000] [--seconds 10]

Log probabilities are random (flat: no mass on the blank, the worst case) or peaky (as a trained CTC model's: blanks,
and a frame or two for each unit, some of them in doubt); a frame is 30 ms, as in the models of ipl. `x realtime` is
seconds of audio per CPU second of the search, with no model in it, one torch thread, the best of five rounds; `greedy`
likewise. The language model is of order 4, estimated from text of the source that the peaky utterances are drawn from.

Equality is with a search of one utterance after the other that knows no hashes, tries every unit, and keeps its
prefixes as tuples in a dictionary: `same` counts utterances whose best text is the same, in float64 and in float32 as
models give it, `score off by` is the largest difference of the best score. `pruned same` counts those whose best text
with the language model is that of a search that tries every growth.

Where there is a GPU: how fast model and beam are of what model and greedy are, for a Transformer of 30 M parameters.

Measured by `python benchmarks/beam.py` on one core of an EPYC without AVX-512, nothing else running, torch 2.13:

    units log probs     beam  with LM  LM costs    greedy        same  in float32  score off by  pruned same
       29 random       4,205    2,316     1.82x   158,562   1000 of 1000        1000       7.1e-15          908
       29 peaky        4,094    2,720     1.50x   220,710   1000 of 1000        1000       8.9e-16         1000
      100 random       2,948    2,151     1.37x   105,092   1000 of 1000        1000       3.6e-15          367
      100 peaky        3,894    2,515     1.55x   132,497   1000 of 1000        1000       4.4e-16          998
      500 random       2,984    1,719     1.74x    40,771   1000 of 1000        1000       0.0e+00          232
      500 peaky        2,575    1,482     1.74x    37,742   1000 of 1000        1000       8.9e-16          995

What falls short: with a language model and flat log probabilities, which no trained model gives, pruned growths change
many texts; the share on a GPU has not been measured, as none was at hand.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ipl.asr.config import ModelConfig
from ipl.asr.decoding.beam import beam_search
from ipl.asr.decoding.fusion import Fusion
from ipl.asr.decoding.greedy import greedy
from ipl.asr.lm.automaton import automaton
from ipl.asr.lm.estimate import estimate
from ipl.asr.models.model import create
from ipl.asr.units import BLANK, Units

BEAM, FRAME_MS = 10, 30
UNITS_PER_SECOND = {29: 14.0, 100: 10.0, 500: 5.0}


def units_of(count: int) -> Units:
    return Units.collect([" ", *(chr(0x4E00 + each) for each in range(count - 2))])


def draw_text(length: int, count: int, generator: np.random.Generator) -> list[int]:
    """Units of a source in which each is followed by one of eight, whichever they are, nine times of ten."""
    text = [int(generator.integers(1, count))]
    while len(text) < length:
        likely = 1 + (text[-1] * 37 + int(generator.integers(8)) * 11) % (count - 1)
        text.append(likely if generator.random() < 0.9 else int(generator.integers(1, count)))
    return text


def posteriors(kind: str, frames: list[int], count: int, seed: int) -> tuple[Tensor, Tensor]:
    """log_probs float64 [B, T, V] and num_frames [B]."""
    generator = np.random.default_rng([seed, count])
    logits = torch.from_numpy(generator.normal(0, 3 if kind == "random" else 1.5, (len(frames), max(frames), count)))
    if kind == "peaky":
        rate = UNITS_PER_SECOND.get(count, 10.0) * FRAME_MS / 1000
        for place, length in enumerate(frames):
            peaks = np.flatnonzero(generator.random(length) < rate)
            text = torch.tensor(draw_text(max(1, len(peaks)), count, generator)[: len(peaks)], dtype=torch.long)
            logits[place, :, BLANK] += 11
            logits[place, peaks, BLANK] -= torch.from_numpy(generator.normal(6, 3, len(peaks)))
            logits[place, peaks, text] += torch.from_numpy(generator.normal(10, 2.5, len(peaks)))
            rival = torch.from_numpy(generator.integers(1, count, len(peaks)))
            logits[place, peaks, rival] += torch.from_numpy(generator.normal(7, 2.5, len(peaks)))
    return logits.log_softmax(dim=-1), torch.tensor(frames)


def language_model(count: int) -> Fusion:
    generator = np.random.default_rng(count)
    units = units_of(count)
    texts = [units.decode(draw_text(60, count, generator)) for _ in range(2000)]
    return Fusion(automaton(estimate(texts, 4), units), weight=0.5, unit_bonus=0.5)


def one_by_one(log_probs: np.ndarray, beam: int) -> tuple[tuple[int, ...], float]:
    """The best text of log_probs [T, V] and its log probability."""
    prefixes: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}  # ends in a blank, in its last unit
    for row in log_probs:
        stays, grown = {}, {}
        for prefix, (blank, unit) in prefixes.items():
            total = np.logaddexp(blank, unit)
            grown[prefix] = row + total
            grown[prefix][BLANK] = -np.inf
            if prefix:
                grown[prefix][prefix[-1]] = row[prefix[-1]] + blank
            stays[prefix] = [total + row[BLANK], unit + row[prefix[-1]] if prefix else -np.inf]
        for prefix in prefixes:
            if prefix and prefix[:-1] in prefixes:
                stays[prefix][1] = np.logaddexp(stays[prefix][1], grown[prefix[:-1]][prefix[-1]])
                grown[prefix[:-1]][prefix[-1]] = -np.inf
        found = [(float(np.logaddexp(*mass)), prefix, tuple(mass)) for prefix, mass in stays.items()]
        for prefix, scores in grown.items():
            for unit in np.argsort(-scores)[:beam].tolist():
                found.append((float(scores[unit]), (*prefix, unit), (-np.inf, float(scores[unit]))))
        found.sort(key=lambda each: -each[0])
        prefixes = {prefix: mass for _, prefix, mass in found[:beam]}
    best = next(iter(prefixes))
    return best, float(np.logaddexp(*prefixes[best]))


def fastest(work: Callable[[], object], clock: Callable[[], float] = time.process_time, rounds: int = 5) -> float:
    work()
    seconds = []
    for _ in range(rounds):
        began = clock()
        work()
        seconds.append(clock() - began)
    return min(seconds)


def lengths(count: int, seconds: float, seed: int) -> list[int]:
    """Frames of utterances of about so many seconds, as recognition batches them: by length, shortest first."""
    generator = np.random.default_rng(seed)
    return sorted(int(each * 1000 / FRAME_MS) for each in generator.uniform(0.9, 1.1, count) * seconds)


def speed(kind: str, count: int, utterances: int, seconds: float) -> dict[str, float]:
    log_probs, num_frames = posteriors(kind, lengths(utterances, seconds, 1), count, 1)
    log_probs, audio = log_probs.float(), float(num_frames.sum()) * FRAME_MS / 1000
    fusion = language_model(count)
    plain = fastest(lambda: beam_search(log_probs, num_frames, BEAM))
    fused = fastest(lambda: beam_search(log_probs, num_frames, BEAM, fusion=fusion))
    return {
        "beam": audio / plain,
        "with_lm": audio / fused,
        "lm_cost": fused / plain,
        "greedy": audio / fastest(lambda: greedy(log_probs, num_frames)),
    }


def equality(kind: str, count: int, compared: int) -> dict[str, float]:
    generator = np.random.default_rng(5)
    fusion = language_model(count)
    same = same_32 = pruned_same = 0
    off = 0.0
    for batch in range(0, compared, 100):
        frames = generator.integers(10, 60, min(100, compared - batch)).tolist()
        log_probs, num_frames = posteriors(kind, frames, count, 100 + batch)
        found = [each[0] for each in beam_search(log_probs, num_frames, BEAM)]
        found_32 = [each[0] for each in beam_search(log_probs.float(), num_frames, BEAM)]
        pruned = [each[0].units for each in beam_search(log_probs.float(), num_frames, BEAM, fusion=fusion)]
        every = BEAM * count  # so many growths leave none out
        whole = [each[0].units for each in beam_search(log_probs.float(), num_frames, BEAM, every, fusion)]
        pruned_same += sum(a == b for a, b in zip(pruned, whole, strict=True))
        for one, length, here, here_32 in zip(log_probs.numpy(), frames, found, found_32, strict=True):
            text, score = one_by_one(one[:length], BEAM)
            same += tuple(here.units) == text
            same_32 += tuple(here_32.units) == text
            off = max(off, abs(here.score - score))
    return {
        "compared": compared,
        "same": same,
        "same_float32": same_32,
        "score_off_by": off,
        "pruned_same": pruned_same,
    }


def on_gpu(utterances: int, seconds: float) -> dict[str, float]:
    """Model and search against model and greedy, as x realtime of the audio that goes in as features."""
    config = ModelConfig("transformer", {"width": 512, "layers": 9, "heads": 8, "subsampling": 3, "dropout": 0.0})
    model = create(config, units_of(500), seed=1).cuda().eval()
    frames = round(seconds * 100)
    features = torch.randn(utterances, frames, config.features.num_mels, device="cuda")
    num_frames = torch.full((utterances,), frames, device="cuda")
    parameters = sum(each.numel() for each in model.parameters())

    @torch.inference_mode()
    def run(decode: Callable[[Tensor, Tensor], object]) -> None:
        with torch.autocast("cuda", torch.bfloat16):
            log_probs, out_frames = model(features, num_frames)
        decode(log_probs, out_frames)

    audio = utterances * seconds
    greedily = audio / fastest(lambda: run(greedy), time.perf_counter)  # both end on the CPU, so the GPU has ended too
    searched = audio / fastest(lambda: run(lambda *given: beam_search(*given, BEAM)), time.perf_counter)
    return {"parameters": parameters, "greedy": greedily, "beam": searched, "share_of_greedy": searched / greedily}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[29, 100, 500])
    parser.add_argument("--utterances", type=int, default=64, help="utterances of a batch")
    parser.add_argument("--seconds", type=float, default=10.0, help="their mean length")
    parser.add_argument("--compared", type=int, default=1000, help="utterances compared with the search one by one")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"one core, beam {BEAM}, {arguments.utterances} utterances of about {arguments.seconds:g} s, x realtime")
    print(
        f"{'units':>5} {'log probs':<10}{'beam':>8}{'with LM':>9}{'LM costs':>10}{'greedy':>10}"
        f"{'same':>12}{'in float32':>12}{'score off by':>14}{'pruned same':>13}"
    )
    rows = []
    for count in arguments.units:
        for kind in ("random", "peaky"):
            row = speed(kind, count, arguments.utterances, arguments.seconds) | equality(
                kind, count, arguments.compared
            )
            print(
                f"{count:>5} {kind:<10}{row['beam']:>8,.0f}{row['with_lm']:>9,.0f}{row['lm_cost']:>9.2f}x"
                f"{row['greedy']:>10,.0f}{row['same']:>7} of {row['compared']}{row['same_float32']:>12}"
                f"{row['score_off_by']:>14.1e}{row['pruned_same']:>13}",
                flush=True,
            )
            rows.append({"units": count, "log_probs": kind, **row})
    found: dict[str, object] = {"beam": BEAM, "frame_ms": FRAME_MS, "rows": rows, "gpu": None}
    if torch.cuda.is_available():
        gpu = on_gpu(512, arguments.seconds)
        speeds = f"greedy {gpu['greedy']:,.0f}x, beam {gpu['beam']:,.0f}x, {gpu['share_of_greedy']:.0%} of greedy"
        print(
            f"{torch.cuda.get_device_name()}, bf16, {gpu['parameters'] / 1e6:.0f} M parameters, batch of 512: {speeds}"
        )
        found["gpu"] = gpu
    else:
        print("no GPU here: the share of greedy's speed on one is not measured")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
