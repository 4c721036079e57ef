"""Gated convolutions in the manner of wav2letter (Liptchinsky, Synnaeve and Collobert, arXiv 1712.09444).

The paper's layers follow one on another; these have a norm before and a way around, as every layer and its gate make
what goes through smaller: six of them had not learned spoken digits when Conformers and recurrent layers had.

B: utterances · T: frames · T': frames after subsampling · F: mel bands · D: width
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ipl.asr.models.layers import Subsampling, frame_mask
from ipl.asr.models.sizes import Wav2LetterSizes

__all__ = ["Wav2LetterEncoder"]


class Wav2LetterEncoder(nn.Module):
    """Features [B, T, F] to [B, T', D] by convolutions with weight norm, gates and dropout, and a way around each."""

    def __init__(self, num_mels: int, sizes: Wav2LetterSizes) -> None:
        super().__init__()
        self.width = sizes.width
        self.subsampling = Subsampling(num_mels, sizes.width, sizes.subsampling)
        growth = (sizes.last_kernel - sizes.kernel) / max(1, sizes.layers - 1)
        halves = [round((sizes.kernel + growth * layer) / 2 - 0.5) for layer in range(sizes.layers)]  # odd kernels
        self.convolutions = nn.ModuleList(
            weight_norm(nn.Conv1d(sizes.width, 2 * sizes.width, 2 * half + 1, padding=half)) for half in halves
        )
        self.norms = nn.ModuleList(nn.LayerNorm(sizes.width) for _ in halves)
        self.dropout = nn.Dropout(sizes.dropout)
        self.norm = nn.LayerNorm(sizes.width)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x, num_frames = self.subsampling(features, num_frames)
        mask = frame_mask(num_frames, x.shape[1])[:, None]  # [B, 1, T']
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            gated = nn.functional.glu(convolution(norm(x).transpose(1, 2) * mask), dim=1)
            x = x + self.dropout(gated.transpose(1, 2))
        return self.norm(x), num_frames
