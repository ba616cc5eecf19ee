"""One student: its weights, its optimisers, and a step of either kind."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hearing import taxonomy
from training.fullband_config import Schooling
from training.fullband_lessons import Answers, Lessons
from training.fullband_muon import Muon
from training.fullband_net import Street

_SCORES_WEIGHT: Final = 10.0
_OPINION_WEIGHT: Final = 0.5
_ADAM_SHARE: Final = 0.1  # of the rate of Muon
_WARM_UP: Final = 50


class Student:
    """A net that learns; which batch comes when depends on nothing but seed and step."""

    def __init__(self, settings: Schooling, lessons: Lessons, seed: int) -> None:
        torch.manual_seed(seed)
        self.settings, self.lessons, self.seed, self.step = settings, lessons, seed, 0
        self.net = new_net(settings)
        inner = [w for w in self.net.features.parameters() if w.dim() > 1 and w.shape[1] > 1]
        others = {id(w): w for w in self.net.parameters()}
        for weight in inner:
            del others[id(weight)]
        self.optimisers = (
            Muon(inner, settings.rate),
            torch.optim.AdamW(others.values(), settings.rate, weight_decay=settings.weight_decay),
        )
        self.loss = 0.0

    def distil(self) -> None:
        """One step on the teacher's answers, at a steady rate: it may be prolonged at any time."""
        rate = self.settings.rate * min(1.0, (self.step + 1) / _WARM_UP)
        self._taught(np.random.default_rng((self.seed, self.step)), rate)

    def settle(self) -> None:
        """One step more of the same, at a rate that runs out."""
        rate = self.settings.rate * (1 - self.step / self.settings.settle_steps)
        self._taught(np.random.default_rng((self.seed, self.step, 1)), rate)

    def _taught(self, rng: np.random.Generator, rate: float) -> None:
        chosen = np.sort(rng.choice(self.lessons.mixtures, self.settings.batch))
        level_db, answers = self.lessons.heard(chosen)
        self.net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            embedding, scores = self.net.taught(torch.from_numpy(level_db))
        self._descend(self._as_taught(embedding.float(), scores.float(), answers), rate)

    def _as_taught(self, embedding: Tensor, scores: Tensor, answers: Answers) -> Tensor:
        weights, bias = self.lessons.probe
        opinion = functional.log_softmax(embedding.mean(dim=2) @ weights.T + bias, dim=1)
        return (
            functional.mse_loss(embedding.mean(dim=2), answers.embedding.mean(dim=2))
            + functional.smooth_l1_loss(embedding, answers.embedding)
            + _SCORES_WEIGHT * functional.binary_cross_entropy_with_logits(scores, answers.scores)
            + _OPINION_WEIGHT
            * functional.kl_div(
                opinion, functional.softmax(answers.opinion, dim=1), reduction="batchmean"
            )
        )

    def _descend(self, loss: Tensor, rate: float) -> None:
        self.net.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser, factor in zip(self.optimisers, (1.0, _ADAM_SHARE), strict=True):
            optimiser.param_groups[0]["lr"] = rate * factor
            optimiser.step()
        value = loss.item()
        self.loss = value if self.step == 0 else 0.98 * self.loss + 0.02 * value
        self.step += 1

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {
            "step": self.step,
            "net": self.net.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }

    def resume(self, path: Path) -> None:
        """Go on where a state was saved."""
        state = torch.load(path, weights_only=True)
        self.step = state["step"]
        self.net.load_state_dict(state["net"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)


def new_net(settings: Schooling) -> Street:
    """A net of the settings' size."""
    net = Street(len(taxonomy.LABELS), settings.width)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
