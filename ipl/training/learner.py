"""One step of learning: loss, gradients of all ranks, update.

B: utterances · T: frames · F: mel bands · T': frames after subsampling · V: units, blank included · U: units of a text
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ipl.asr.augmentation import random_for
from ipl.asr.features import STEP_MS
from ipl.asr.models.model import CtcModel
from ipl.training.communication import World, data_parallel
from ipl.training.compression import averager_for
from ipl.training.data import Batch
from ipl.training.job import Job
from ipl.training.optimizers import adamw, amp_dtype
from ipl.training.skipped import Skipped

__all__ = ["COUNTS", "Learner"]

COUNTS = ("nats", "units", "utterances", "too_short", "audio_seconds")
"""What a step counts over all ranks; `nats` is the sum of the losses, `too_short` those that were infinite."""


class Learner:
    """A model, its optimizer, and how they are spread over ranks."""

    def __init__(self, model: CtcModel, job: Job, world: World, skipped: Skipped, compress_from_step: int = 0) -> None:
        self.model, self.job, self.world, self.skipped = model, job, world, skipped
        self.compress_from_step = compress_from_step
        self.averager = averager_for(model, world.size, job.options)
        self.parallel = data_parallel(model, world, self.averager)
        self.optimizer = adamw(model, job.options)
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
        if compresses and self.job.options.compression == "onebit":
            self.optimizer.freeze_variance()
        self.parallel.train()
        losses = self._losses(batch)
        # DDP takes the mean over ranks; what is wanted is the sum of all losses over all units of the step.
        loss = losses.sum() * (self.world.size / max(1, batch.step_units))
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.job.options.clip_norm))
        if math.isfinite(norm) or self.scaler.is_enabled():  # a scaler leaves out such steps by itself
            self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return self._counts(batch, losses.detach()), norm

    def _losses(self, batch: Batch) -> Tensor:
        """CTC losses in nats, [B], [0] for a batch without rows; 0 where the text is too long for the frames."""
        device = self.world.device
        with torch.autocast(device.type, self.amp or torch.float32, enabled=self.amp is not None):
            log_probs, out_frames = self.parallel(batch.features.to(device), batch.num_frames.to(device))
        losses = nn.functional.ctc_loss(
            log_probs.float().transpose(0, 1),
            batch.targets.to(device),
            out_frames,
            batch.num_units.to(device),
            reduction="none",
            zero_infinity=True,
        )
        return losses[: len(batch.rows)]

    def _counts(self, batch: Batch, losses: Tensor) -> dict[str, float]:
        found = losses.cpu().double()
        for place in torch.nonzero(found == 0).flatten().tolist():  # no text is certain, so a loss of 0 was infinite
            detail = f"{int(batch.num_frames[place])} frames for {int(batch.num_units[place])} units"
            self.skipped.note(batch.utt_ids[place], "too_short_for_text", detail)
        nats, too_short = float(found.sum()), float((found == 0).sum())
        units = float(batch.num_units.sum()) + len(batch.rows) if batch.rows else 0.0
        seconds = float(batch.num_frames.sum()) * STEP_MS / 1000
        values = torch.tensor([nats, units, len(batch.rows), too_short, seconds], dtype=torch.float64)
        sent_bytes, self.averager.sent_bytes = self.averager.sent_bytes, 0
        return dict(zip(COUNTS, self.world.sum(values).tolist(), strict=True)) | {"sent_bytes": float(sent_bytes)}

    @property
    def shares_state(self) -> bool:
        """Whether every rank has something to give to a checkpoint."""
        return self.world.size > 1 and self.averager.remembers

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the weights; where `shares_state`, all ranks have to call this."""
        averagers = self.world.gather(self.averager.state()) if self.shares_state else []
        return {
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "averagers": averagers,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.shares_state:
            self.averager.restore(state["averagers"][self.world.rank])
