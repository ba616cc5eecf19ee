"""The network of `street8`: six small convolutions over 4 s of 32 bands."""

import torch
from torch import Tensor, nn

from acoustics import mel

_RANGE_DB = 80.0


class Standardise(nn.Module):
    """Codes to two planes: level within the patch, and where there was no frame.

    A device's sensitivity and distance shift all codes alike, so the patch's own mean is taken
    away; what lies 80 dB below the loudest band is silence, however digital.
    """

    def forward(self, codes: Tensor) -> Tensor:
        """uint8 [n, 32 frames, 32 bands] to float [n, 2, 32, 32]."""
        missing = codes == mel.NO_FRAME
        level_db = torch.where(missing, -200.0, codes.float() * 0.5 - 120.0)
        top = torch.amax(level_db, dim=(1, 2), keepdim=True)
        level_db = torch.maximum(level_db, top - _RANGE_DB)
        present = (~missing).float()
        count = present.sum(dim=(1, 2), keepdim=True).clamp(min=1.0)
        mean = (level_db * present).sum(dim=(1, 2), keepdim=True) / count
        level = (level_db - mean) / 15.0 * present
        return torch.stack([level, 1.0 - present], dim=1)


def _pair(channels: int, wider: int, stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, wider, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(wider),
        nn.ReLU(),
        nn.Conv2d(wider, wider, 3, padding=1, bias=False),
        nn.BatchNorm2d(wider),
        nn.ReLU(),
    )


class Street8(nn.Module):
    """Codes to one logit per label."""

    def __init__(self, labels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.standardise = Standardise()
        self.features = nn.Sequential(
            _pair(2, width, (1, 2)),
            nn.MaxPool2d((1, 2)),
            _pair(width, 2 * width),
            nn.MaxPool2d(2),
            _pair(2 * width, 4 * width),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(8 * width, labels))

    def forward(self, codes: Tensor) -> Tensor:
        """uint8 [n, 32, 32] to float [n, labels]."""
        x = self.features(self.standardise(codes))
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(pooled)
        return logits
