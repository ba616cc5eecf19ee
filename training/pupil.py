"""A network in training: what one step is, and all that a checkpoint must hold."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from hearing import taxonomy
from training import teacher
from training.config import Recipe, Run, TrainConfig
from training.lessons import Lessons
from training.mixing import Batch, Mixer
from training.net import Street8
from training.pools import Pool

_LR_PEAK: Final = 0.2
_SMOOTH: Final = 0.98
Material = tuple[Pool, Lessons]
"""What is mixed, and what the teacher says of it."""


class _Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> object: ...


def new_net(settings: TrainConfig) -> Street8:
    """A network that has heard nothing."""
    return Street8(len(taxonomy.LABELS), settings.width, settings.dropout)


class Pupil:
    """A network in training, with all that a checkpoint must hold."""

    def __init__(self, settings: TrainConfig, recipe: Recipe, given: Material, run: Run) -> None:
        pool, taught = given
        torch.manual_seed(run.seed + run.held_out)
        self._settings, self._taught = settings, taught
        self._mixer = Mixer(pool, run.held_out, run.seed * 10 + run.held_out, recipe)
        self._net = new_net(settings).to(memory_format=torch.channels_last)
        self._picture = nn.Linear(8 * settings.width, teacher.EMBEDDING)
        learnt = [*self._net.parameters(), *self._picture.parameters()]
        groups = [
            {"params": [w for w in learnt if w.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [w for w in learnt if w.ndim == 1], "weight_decay": 0.0},
        ]
        self._optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, settings.learning_rate, settings.steps, pct_start=_LR_PEAK
        )
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self._net, avg_fn=_running_mean(settings.averaged), use_buffers=True
        )
        self.step, self.loss = 0, 0.0

    def begin_with(self, weights: Mapping[str, Tensor]) -> None:
        """Begin with the weights of another network instead of random ones."""
        self._net.load_state_dict(weights)

    def learn(self) -> None:
        """One step."""
        loss, of_labels = self._losses(self._mixer.batch(self._settings.batch))
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        self.averaged.update_parameters(self._net)
        self.loss = of_labels if self.step == 0 else 0.98 * self.loss + 0.02 * of_labels
        self.step += 1

    def _losses(self, batch: Batch) -> tuple[Tensor, float]:
        clean = np.flatnonzero(batch.piece >= 0)
        target = _targets(batch, self._taught, self._settings)
        known = torch.from_numpy(batch.known)
        self._net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pooled = self._net.pooled(torch.from_numpy(batch.codes))
            logits, picture = self._net.head(pooled), self._picture(pooled[clean])
        loss = nn.functional.binary_cross_entropy_with_logits(
            logits.float(), target, weight=known, reduction="sum"
        ) / known.sum(dtype=torch.float32)
        seen = torch.from_numpy(self._taught.embedding[batch.piece[clean]])
        error = nn.functional.mse_loss(picture.float(), seen) if len(clean) else torch.zeros(())
        return loss + self._settings.picture * error, loss.item()

    def checkpoint(self) -> dict[str, object]:
        """All that the next step depends on."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        random = {"torch": torch.get_rng_state(), "mixer": self._mixer.state}
        return {**parts, **random, "step": self.step, "loss": self.loss}

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        saved = torch.load(path, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(saved[name])
        torch.set_rng_state(saved["torch"])
        self._mixer.restore(saved["mixer"])
        self.step, self.loss = saved["step"], saved["loss"]

    def _parts(self) -> dict[str, _Stateful]:
        return {
            "net": self._net,
            "picture": self._picture,
            "averaged": self.averaged,
            "optimiser": self._optimiser,
            "schedule": self._schedule,
        }


def _targets(batch: Batch, taught: Lessons, settings: TrainConfig) -> Tensor:
    """Labels, softened; of a clean patch, with the teacher's opinion."""
    target = batch.target.copy()
    asked = np.flatnonzero(batch.piece >= 0)
    asked = asked[taught.has_opinion[batch.piece[asked]]]
    opinion = taught.opinion[batch.piece[asked]]
    target[asked] += settings.opinion * (opinion - target[asked])
    smoothing = settings.label_smoothing
    return torch.from_numpy(target) * (1 - 2 * smoothing) + smoothing


def _running_mean(kept: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential, but shorter at first, so that the beginning is forgotten soon."""

    def mean(average: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        share = min(kept, (1 + float(steps)) / (10 + float(steps)))
        return average * share + now * (1 - share)

    return mean
