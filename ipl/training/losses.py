"""What an utterance's text costs under a CTC model: as it stands, or read with errors where it may be wrong.

B: utterances · T': frames after subsampling · V: units, blank included
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ipl.asr.otc import Prices, otc_loss
from ipl.tables import Index
from ipl.training.data import Batch
from ipl.training.job import Job

__all__ = ["TextLoss"]


class TextLoss:
    """CTC, and with `loss: otc` omni-temporal classification for all texts but the labelled ones."""

    def __init__(self, job: Job) -> None:
        options = job.options
        self.decay = options.otc_decay
        self.first_prices = Prices(options.otc_substitution, options.otc_insertion, options.otc_deletion)
        self.prices = self.first_prices
        doubts = options.loss == "otc"
        origins = Index(job.index).read("origin")["origin"].to_numpy(zero_copy_only=False) if doubts else np.array([])
        self.is_doubtful = origins != "labelled"

    def begin_epoch(self, epoch: int) -> None:
        """Prices of errors fall from epoch to epoch."""
        self.prices = self.first_prices.times(self.decay**epoch)

    def __call__(self, batch: Batch, log_probs: Tensor, out_frames: Tensor) -> Tensor:
        """Losses in nats, [B], of log_probs float32 [B, T', V]; 0 where the text is too long for the frames."""
        targets, num_units = batch.targets.to(log_probs.device), batch.num_units.to(log_probs.device)
        losses = nn.functional.ctc_loss(
            log_probs.transpose(0, 1), targets, out_frames, num_units, reduction="none", zero_infinity=True
        )
        if not self.is_doubtful.size or not batch.rows:
            return losses
        doubtful = self.is_doubtful[batch.rows].nonzero()[0].tolist()
        if not doubtful:
            return losses
        texts = torch.split(targets, batch.num_units.tolist())
        chosen = torch.cat([texts[place] for place in doubtful])
        found = otc_loss(log_probs[doubtful], chosen, out_frames[doubtful], num_units[doubtful], self.prices)
        return losses.index_copy(0, torch.tensor(doubtful, device=losses.device), found)
