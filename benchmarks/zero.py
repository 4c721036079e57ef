"""Bytes of optimizer state and of parameters that each rank holds, as nothing, the state or the model is shared out.

python benchmarks/zero.py [--ranks 2]

The default model of the initializer `scratch` learns for three steps from noise, by the parts that the trainer `ddp` is
made of. `apart` is how far the weights are then from those of plain AdamW, as a share of their length.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import ranks
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from ipl.asr.config import ModelConfig
from ipl.asr.models.model import create
from ipl.asr.units import Units
from ipl.training.communication import World, join
from ipl.training.compression import averager_for
from ipl.training.job import TrainingOptions
from ipl.training.sharding import ZeroOne, spread, whole

KINDS = ("none", "zero1", "fsdp")
STEPS, FRAMES = 3, 400


def held(value: Tensor) -> int:
    local = value.to_local() if isinstance(value, DTensor) else value
    return local.nbytes


def measure(kind: str, world: World) -> dict[str, Any]:
    options = TrainingOptions(sharding=kind, device="cpu")  # type: ignore[arg-type]
    model = create(ModelConfig("conv"), Units.collect(["abcdefghijklmnopqrstuvwxyz "]), seed=1).eval()  # no dropout
    spreading = spread(model, world, averager_for(model, world.size, options), options)
    for step in range(STEPS):
        draws = torch.Generator().manual_seed(100 * step + world.rank)
        features = torch.randn(2, FRAMES, model.config.features.num_mels, generator=draws)
        log_probs, frames = spreading.parallel(features, torch.tensor([FRAMES, FRAMES - 50]))
        units = torch.randint(1, 20, (16,), generator=draws)
        nn.functional.ctc_loss(log_probs.transpose(0, 1), units, frames, torch.tensor([8, 8])).backward()
        spreading.clip(options.clip_norm)
        spreading.optimizer.step()
        spreading.optimizer.zero_grad()
    own = spreading.optimizer.optim if isinstance(spreading, ZeroOne) else spreading.optimizer
    state = sum(held(value) for values in own.state.values() for value in values.values())
    parameters = sum(held(each) for each in model.parameters())
    weights = torch.cat([whole(each.detach()).flatten() for each in model.parameters()])
    found: list[dict[str, int]] = [{}] * world.size
    torch.distributed.all_gather_object(found, {"state": state, "parameters": parameters})
    return {
        "state_bytes": max(each["state"] for each in found),
        "parameter_bytes": max(each["parameters"] for each in found),
        "weights": weights,
    }


def rank_main() -> None:
    torch.set_num_threads(1)
    with join(TrainingOptions(device="cpu")) as world:
        found = {kind: measure(kind, world) for kind in KINDS}
        plain = found["none"]["weights"]
        for row in found.values():
            row["apart"] = float((row.pop("weights") - plain).norm() / plain.norm())
            row["state_cut"] = 1 - row["state_bytes"] / found["none"]["state_bytes"]
        if world.is_first:
            ranks.hand_back(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    arguments = parser.parse_args()
    if ranks.is_rank():
        rank_main()
        return
    found = ranks.start(__file__, arguments.ranks, sys.argv[1:])
    print(f"{arguments.ranks} ranks; of the rank that holds most")
    print(f"{'sharding':<10}{'optimizer, MB':>15}{'less':>8}{'parameters, MB':>16}{'apart':>11}")
    for kind, row in found.items():
        print(
            f"{kind:<10}{row['state_bytes'] / 1e6:>15.2f}{row['state_cut']:>8.1%}{row['parameter_bytes'] / 1e6:>16.2f}"
            f"{row['apart']:>11.1e}"
        )
    print(json.dumps({"ranks": arguments.ranks, "sharding": found}))


if __name__ == "__main__":
    main()
