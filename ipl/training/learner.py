"""One step of learning: loss, gradients of all ranks, update.

B: utterances · T: frames · F: mel bands · T': frames after subsampling · V: units, blank included · U: units of a text
"""

from __future__ import annotations

import copy
import math
import os
import shutil
from typing import Any

import torch
from torch import Tensor

from ipl.asr.augmentation import random_for
from ipl.asr.features import STEP_MS
from ipl.asr.models.model import CtcModel
from ipl.errors import InputError
from ipl.training.communication import World
from ipl.training.compression import OneBitAverager, averager_for
from ipl.training.data import Batch
from ipl.training.ema import WeightAverage
from ipl.training.job import Job
from ipl.training.losses import TextLoss
from ipl.training.optimizers import amp_dtype
from ipl.training.parts import silence, split
from ipl.training.sharding import FullyShard, share, spread, whole
from ipl.training.skipped import Skipped

__all__ = ["COUNTS", "Learner"]

COUNTS = ("nats", "units", "utterances", "too_short", "audio_seconds")
"""What a step counts over all ranks; `nats` is the sum of the losses, `too_short` those that were infinite.

With a hybrid also `ctc_nats` and `attention_nats`, of which the loss is made.
"""


class Learner:
    """A model, its optimizer, and how they are spread over ranks."""

    def __init__(self, model: CtcModel, job: Job, world: World, skipped: Skipped, compress_from_step: int = 0) -> None:
        self.model, self.job, self.world, self.skipped = model, job, world, skipped
        self.compress_from_step = compress_from_step
        options = job.options
        self.text_loss = TextLoss(job)
        self.parts = options.accumulate * math.ceil(options.ranks / world.size)
        is_apart = options.ema_decay or (options.sharding == "fsdp" and world.size > 1)
        self._shown = copy.deepcopy(model) if is_apart else model
        self.averager = averager_for(model, world.size, options)
        if options.compile:
            _compile(model, world.device)
        self.spread = spread(model, world, self.averager, options)
        self.parallel, self.optimizer = self.spread.parallel, self.spread.optimizer
        self.average = WeightAverage(model, options.ema_decay) if options.ema_decay else None
        self.amp = amp_dtype(job.options.amp, world.device)
        self.scaler = torch.GradScaler(world.device.type, enabled=self.amp == torch.float16)

    def learn(self, batch: Batch, step: int, learning_rate: float) -> tuple[dict[str, float], float]:
        """Learns from all ranks' batches of a step; returns COUNTS and the norm of the gradient.

        Where the norm is no finite number, which is then so on every rank, the model stays as it is.
        """
        # The step's own random numbers: a run that was cut short draws the same as one that was not.
        torch.manual_seed(random_for(self.job.seed, step, f"rank {self.world.rank}").initial_seed())
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        compresses = self.world.size > 1 and step >= self.compress_from_step
        self.averager.begin(compresses, self.scaler.get_scale())
        if compresses and isinstance(self.averager, OneBitAverager) and not self.averager.deviations:
            self.averager.deviations = self.spread.freeze_variance()
        self.parallel.train()
        losses, parts = [], self._parts(batch)
        for place, part in enumerate(parts):
            with self.spread.averaging(place == len(parts) - 1):
                found = self._losses(part)
                # DDP takes the mean over ranks; what is wanted is the sum of all losses over all units of the step.
                loss = found["loss"].sum() * (self.world.size / max(1, batch.step_units))
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(found)
        self.scaler.unscale_(self.optimizer)
        norm = self.spread.clip(self.job.options.clip_norm)
        if math.isfinite(norm) or self.scaler.is_enabled():  # a scaler leaves out such steps by itself
            self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average and math.isfinite(norm):
            self.average.update(self.model, step)
        return self._counts(batch, {name: torch.cat([each[name].detach() for each in losses]) for name in found}), norm

    def _parts(self, batch: Batch) -> list[Batch]:
        """What goes through the model at once. Where ranks share out the model they have to go through it together."""
        parts = split(batch, self.parts)
        missing = self.parts - len(parts) if isinstance(self.spread, FullyShard) else 0
        return parts + [silence(batch)] * missing

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        """The `loss` of each utterance in nats and its parts, [B], [0] for a batch without rows.

        They are 0 where the text is too long for the frames.
        """
        device = self.world.device
        heard = (batch.features, batch.num_frames, batch.targets, batch.num_units)
        with torch.autocast(device.type, self.amp or torch.float32, enabled=self.amp is not None):
            log_probs, out_frames, *attention = self.parallel(*(each.to(device) for each in heard))
        ctc = self.text_loss(batch, log_probs.float(), out_frames)
        return {name: each[: len(batch.rows)] for name, each in self.model.joint_losses(ctc, attention).items()}

    def _counts(self, batch: Batch, losses: dict[str, Tensor]) -> dict[str, float]:
        found = losses["loss"].cpu().double()
        for place in torch.nonzero(found == 0).flatten().tolist():  # no text is certain, so a loss of 0 was infinite
            detail = f"{int(batch.num_frames[place])} frames for {int(batch.num_units[place])} units"
            self.skipped.note(batch.utt_ids[place], "too_short_for_text", detail)
        nats, too_short = float(found.sum()), float((found == 0).sum())
        units = float(batch.num_units.sum()) + len(batch.rows) if batch.rows else 0.0
        seconds = float(batch.num_frames.sum()) * STEP_MS / 1000
        parts = {f"{name}_nats": float(each.double().sum()) for name, each in losses.items() if name != "loss"}
        values = torch.tensor([nats, units, len(batch.rows), too_short, seconds, *parts.values()], dtype=torch.float64)
        sent_bytes, self.averager.sent_bytes = self.averager.sent_bytes, 0
        return dict(zip((*COUNTS, *parts), self.world.sum(values).tolist(), strict=True)) | {
            "sent_bytes": float(sent_bytes)
        }

    @property
    def shares_state(self) -> bool:
        """Whether every rank has something to give to a checkpoint."""
        return self.world.size > 1 and (self.averager.remembers or self.spread.is_shared)

    @torch.no_grad()
    def shown(self) -> CtcModel:
        """The model as others shall see it, whole, and averaged over steps where that is wanted.

        Where `shares_state`, all ranks have to call this.
        """
        if self._shown is not self.model:
            weights = self.model.state_dict() | (self.average.weights if self.average else {})
            self._shown.load_state_dict({name: whole(each) for name, each in weights.items()})
        return self._shown

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the weights; where `shares_state`, all ranks have to call this."""
        averagers = self.world.gather(self.averager.state()) if self.shares_state else []
        own = self.model.state_dict() if self.average else {}
        weights = {name: whole(each).cpu() for name, each in own.items()}
        return {
            "optimizer": self.spread.optimizer_state(),
            "scaler": self.scaler.state_dict(),
            "averagers": averagers,
            "weights": weights,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave, here or on another number of ranks.

        The model was made of the weights that the checkpoint shows, where the moving average begins.
        """
        self.spread.load_optimizer(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.averager.restore_from(state["averagers"], self.world.rank)
        if self.average:
            own = dict(self.model.state_dict())
            for name, each in state["weights"].items():
                own[name].copy_(share(each, own[name]))


def _compile(model: CtcModel, device: torch.device) -> None:
    """Compiles `model` when it is first used; InputError where there is nothing to compile it with."""
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and not shutil.which(compiler):
        raise InputError(
            f"compile: found no C++ compiler: no {compiler} here; install one, name it in the variable CXX, or set "
            "compile: false"
        )
    model.compile(dynamic=True)
