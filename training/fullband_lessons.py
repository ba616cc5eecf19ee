"""What a fold's student may learn from the teacher: mixtures, and how it would name labels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from training.fullband_pieces import FOREGROUND, TEACHER_BANDS, Pieces
from training.fullband_pool import Pool, Teacher, decibels_of

_PROBE_STRENGTH: Final = 0.01
_SAMPLE: Final = 6000
_LONGEST: Final = 1000  # frames of a clip that the teacher hears to learn its label by


@dataclass(frozen=True, eq=False)
class Answers:
    """The teacher's, of a batch: standardised embedding [n, 384, 7], scores, its labels' logits."""

    embedding: Tensor
    scores: Tensor
    opinion: Tensor


class Lessons:
    """Every mixture that a student without one fold may hear."""

    def __init__(self, pool: Pool, pieces: Pieces, teacher: Teacher, held_out: int) -> None:
        self._pool, self._pieces = pool, pieces
        self.mixtures = pool.for_fold(held_out)
        allowed = (pieces.kind == FOREGROUND) & ((pieces.group != held_out) | (held_out == 0))
        self._clips = np.flatnonzero(allowed & (pieces.clip >= 0) & (pieces.heard.sum(axis=1) == 1))
        sample = pool.embedding[self.mixtures[:_SAMPLE]].astype(np.float32)
        self.mean = torch.from_numpy(sample.mean(axis=(0, 1)))
        self.spread = torch.from_numpy(sample.mean(axis=1).std(axis=0) + 1e-3)
        self.probe = self._probe(teacher)

    def _probe(self, teacher: Teacher) -> tuple[Tensor, Tensor]:
        """Weights [k, 384] and bias [k] that tell k labels of clips from the embedding."""
        pieces = self._pieces
        heard = (pieces.of(int(n))[None, :_LONGEST, :TEACHER_BANDS] for n in self._clips)
        embedding = [teacher.hear(np.exp(log_power.astype(np.float32))) for log_power in heard]
        whole = np.concatenate([spans.mean(axis=1) for spans, _ in embedding])
        fit = LogisticRegression(C=_PROBE_STRENGTH, max_iter=500)
        fit.fit(self._standard(whole), pieces.heard[self._clips].argmax(axis=1))
        weights, bias = torch.from_numpy(fit.coef_), torch.from_numpy(fit.intercept_)
        return weights.float(), bias.float()

    def _standard(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        return (embedding - self.mean.numpy()) / self.spread.numpy()

    def heard(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.float32], Answers]:
        """Levels [n, 196, 64] dB of mixtures, and what the teacher makes of them."""
        pool, (weights, bias) = self._pool, self.probe
        embedding = torch.from_numpy(self._standard(pool.embedding[chosen].astype(np.float32)))
        scores = torch.from_numpy(pool.scores[chosen].astype(np.float32))
        opinion = embedding.mean(dim=1) @ weights.T + bias
        answers = Answers(embedding.transpose(1, 2).clamp(-8, 8), scores, opinion)
        return decibels_of(pool.codes[chosen]), answers
