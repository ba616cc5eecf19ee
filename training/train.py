"""Fit one network to what a fold may hear."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from hearing import taxonomy
from training.config import Config
from training.mixing import Batch, Mixer
from training.net import Street8
from training.pools import Pool


def weights_path(config: Config, held_out: int) -> Path:
    """Where the weights trained without a fold are kept; fold 0 leaves nothing out."""
    return config.data.cache / f"{config.name}-{config.version}-fold{held_out}.pt"


def train(config: Config, pool: Pool, held_out: int) -> Path:
    """Train on everything whose recording is not held out with a fold.

    Parameters
    ----------
    config : Config
        Size, length and seed.
    pool : Pool
        The pieces to mix.
    held_out : int
        UrbanSound8K fold 1 to 3, or 0.

    Returns
    -------
    Path
        The saved weights.
    """
    settings = config.train
    torch.manual_seed(settings.seed + held_out)
    torch.set_num_threads(settings.threads)
    mixer = Mixer(pool, held_out, settings.seed * 10 + held_out)
    net = Street8(len(taxonomy.LABELS), settings.width, settings.dropout)
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.2
    )
    progress = tqdm(range(settings.steps), desc=f"without fold {held_out}", unit="step")
    average = 0.0
    for step in progress:
        loss = _step(net, mixer.batch(settings.batch), optimiser, settings.label_smoothing)
        schedule.step()
        average = loss if step == 0 else 0.98 * average + 0.02 * loss
        if step % 20 == 0:
            progress.set_postfix(loss=f"{average:.4f}")
    path = weights_path(config, held_out)
    torch.save(net.state_dict(), path)
    return path


def _step(
    net: nn.Module, batch: Batch, optimiser: torch.optim.Optimizer, smoothing: float
) -> float:
    net.train()
    target = torch.from_numpy(batch.target) * (1 - 2 * smoothing) + smoothing
    known = torch.from_numpy(batch.known)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = net(torch.from_numpy(batch.codes))
    loss = nn.functional.binary_cross_entropy_with_logits(
        logits.float(), target, weight=known, reduction="sum"
    ) / known.sum(dtype=torch.float32)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return loss.item()


def load(config: Config, held_out: int) -> Street8:
    """A trained network, ready to listen."""
    net = Street8(len(taxonomy.LABELS), config.train.width, config.train.dropout)
    net.load_state_dict(torch.load(weights_path(config, held_out), weights_only=True))
    return net.eval()


def logits(net: Street8, codes: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> torch.Tensor:
    """Raw scores of many patches, without gradients.

    Parameters
    ----------
    net : Street8
        As `load` gives it.
    codes : ndarray of uint8, shape (n, 32, 32)
        Patches.

    Returns
    -------
    Tensor of float32, shape (n, labels)
        Logits.
    """
    with torch.inference_mode():
        return torch.cat(
            [net(torch.from_numpy(part)) for part in np.array_split(codes, 1 + len(codes) // 512)]
        )
