"""The network of `street`: small convolutions over 2 s of 64 bands, and what it learns beside.

Resolution goes early: an eighth of it is left after three layers, and so most of the work is done
where convolutions are dense and processors fast.
"""

import torch
from torch import Tensor, nn

EMBEDDING = 384
SCORES = 527
_RANGE_DB = 80.0
_LEAST_SHARE = 1e-6


class Standardise(nn.Module):
    """Levels about the patch's mean: sensitivity and distance shift them all alike."""

    def forward(self, level_db: Tensor) -> Tensor:
        """[n, frames, 64] dB to [n, 1, frames, 64]; 80 dB below the loudest is silence."""
        top = torch.amax(level_db, dim=(1, 2), keepdim=True)
        level_db = torch.maximum(level_db, top - _RANGE_DB)
        return ((level_db - level_db.mean(dim=(1, 2), keepdim=True)) / 15.0)[:, None]


def _convolved(channels: int, wider: int, size: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, wider, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(wider),
        nn.ReLU(),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(channels)
        nn.init.zeros_(last.weight)  # begins as if it were not there
        self.inner = nn.Sequential(
            _convolved(channels, channels, 3, (1, 1)),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.inner(x))


class Street(nn.Module):
    """Levels to one logit per label, by way of the teacher's embedding as the student has it."""

    def __init__(self, labels: int, width: int) -> None:
        super().__init__()
        self.standardise = Standardise()
        self.features = nn.Sequential(
            _convolved(1, width // 2, 5, (4, 2)),
            _convolved(width // 2, width, 3, (2, 2)),
            _convolved(width, width, 3, (1, 1)),
            _convolved(width, 2 * width, 3, (2, 2)),
            _Residual(2 * width),
            _convolved(2 * width, 4 * width, 3, (2, 2)),
            _Residual(4 * width),
        )
        self.embed = nn.Conv1d(8 * width, EMBEDDING, 1)
        self.score = nn.Linear(EMBEDDING, SCORES)
        self.head = nn.Linear(8 * width + EMBEDDING, labels + 1)  # the last: none of them

    def taught(self, level_db: Tensor) -> tuple[Tensor, Tensor]:
        """What is compared with the teacher.

        Parameters
        ----------
        level_db : Tensor, shape (n, frames, 64)

        Returns
        -------
        embedding : Tensor, shape (n, 384, frames / 28)
            Standardised.
        scores : Tensor, shape (n, 527)
            Logits.
        """
        embedding = self._embedded(self.features(self.standardise(level_db)))
        return embedding, self.score(torch.relu(embedding.mean(dim=2)))

    def pooled(self, level_db: Tensor) -> Tensor:
        """What labels are told by: [n, frames, 64] dB to [n, 8 width + 384]."""
        x = self.features(self.standardise(level_db))
        heard = self._embedded(x).mean(dim=2)
        return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3)), heard], dim=1)

    def forward(self, level_db: Tensor) -> Tensor:
        """[n, frames, 64] dB to [n, labels]: logits of the shares that labels have in the sound."""
        shares = torch.softmax(self.head(self.pooled(level_db)), dim=1)[:, :-1]
        return torch.logit(shares, eps=_LEAST_SHARE)

    def _embedded(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.embed(torch.cat([x.mean(dim=3), x.amax(dim=3)], dim=1))
        return embedding
