"""Deep Speech 2 (Amodei et al., arXiv 1512.02595): convolutions over time and bands, then recurrent layers.

Two things differ, for the sake of torch's fast recurrent layers: these are gated units as everywhere, with tanh and not
rectified; and what a layer gets is normalised before it is multiplied by the layer's weights, not after.

B: utterances · T: frames · T': frames after subsampling · F: mel bands · C: channels · D: width
"""

from __future__ import annotations

from torch import Tensor, nn

from ipl.asr.models.batch_norm import SequenceBatchNorm
from ipl.asr.models.gru_layer import GruLayer
from ipl.asr.models.layers import frame_mask
from ipl.asr.models.sizes import DeepSpeech2Sizes

__all__ = ["DeepSpeech2Encoder"]

FRAMES_WIDE, BANDS_WIDE = 11, (41, 21)
LARGEST = 20.0
"""Where the paper clips its rectified units."""


class DeepSpeech2Encoder(nn.Module):
    """Features [B, T, F] to [B, T', D]: two directions added up, or one and a row convolution."""

    def __init__(self, num_mels: int, sizes: DeepSpeech2Sizes) -> None:
        super().__init__()
        self.width = sizes.width
        self.factor = sizes.subsampling
        strides = ((sizes.subsampling, 2), (1, 2))
        self.planes = nn.ModuleList(
            nn.Conv2d(inputs, sizes.channels, (FRAMES_WIDE, wide), stride, (FRAMES_WIDE // 2, wide // 2))
            for inputs, wide, stride in zip((1, sizes.channels), BANDS_WIDE, strides, strict=True)
        )
        self.plane_norms = nn.ModuleList(SequenceBatchNorm(sizes.channels) for _ in self.planes)
        bands = ((num_mels + 1) // 2 + 1) // 2
        widths = [sizes.channels * bands, *[sizes.width] * (sizes.layers - 1)]
        self.norms = nn.ModuleList(SequenceBatchNorm(width) for width in widths)
        self.layers = nn.ModuleList(GruLayer(width, sizes.width, bidirectional=not sizes.lookahead) for width in widths)
        self.row = RowConvolution(sizes.width, sizes.lookahead) if sizes.lookahead else None
        self.last_norm = SequenceBatchNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded frames and their number in each utterance, [B]."""
        x = features[:, None] * frame_mask(num_frames, features.shape[1])[:, None, :, None]  # [B, C, T, F]
        num_frames = (num_frames + self.factor - 1) // self.factor
        mask = frame_mask(num_frames, -(-features.shape[1] // self.factor))[:, :, None]  # [B, T', 1]
        for convolution, norm in zip(self.planes, self.plane_norms, strict=True):
            x = convolution(x)
            # A plane's statistics are those of its frames and bands together.
            by_band = norm(x.permute(0, 3, 2, 1).flatten(0, 1), mask.repeat_interleave(x.shape[3], dim=0))
            x = by_band.unflatten(0, (-1, x.shape[3])).permute(0, 3, 2, 1).clamp(0, LARGEST) * mask[:, None]
        y = x.transpose(1, 2).flatten(2)  # [B, T', C·F']
        for layer, norm in zip(self.layers, self.norms, strict=True):
            y = layer(self.dropout(norm(y, mask)), num_frames)
            if layer.bidirectional:
                y = y[:, :, : self.width] + y[:, :, self.width :]
        if self.row is not None:
            y = self.row(y * mask)
        return self.last_norm(y, mask), num_frames


class RowConvolution(nn.Module):
    """A sum over a frame and the next `lookahead`, with weights for each feature (section 3.4 of the paper)."""

    def __init__(self, width: int, lookahead: int) -> None:
        super().__init__()
        self.lookahead = lookahead
        self.convolution = nn.Conv1d(width, width, lookahead + 1, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Frames x [B, T', D], zero past an utterance's end."""
        ahead = nn.functional.pad(x.transpose(1, 2), (0, self.lookahead))
        return self.convolution(ahead).transpose(1, 2)  # type: ignore[no-any-return]
