"""What is shipped as `street`: the student of fine bands and `street8`, which hears codes.

They err on different recordings, for one was taught by the teacher alone, the other by labels.
"""

import torch
from torch import Tensor, nn

from acoustics import mel
from hearing.frontends import fine_coarse
from schemas.errors import BadConfig
from training import fullband_train, train
from training.config import Config, Run
from training.fullband_config import FullBand
from training.fullband_net import Street
from training.net import Street8


class Pair(nn.Module):
    """The mean of two nets' logits."""

    def __init__(self, fine: Street, coarse: Street8) -> None:
        super().__init__()
        self.fine, self.coarse = fine, coarse

    def forward(self, patches: Tensor) -> Tensor:
        """Logits [n, labels] of patches [n, 204, 64] as `mel64x100+32x8` makes them."""
        level_db = patches[:, : fine_coarse.FINE_ROWS]
        codes = patches[:, fine_coarse.FINE_ROWS :]
        frames = codes.reshape(-1, fine_coarse.COARSE_FRAMES, mel.BANDS)
        twice = torch.cat([frames, frames], dim=1)  # short sounds fill 4 s so in training, too
        logits: Tensor = (self.fine(level_db) + self.coarse(twice)) / 2
        return logits


def load(chosen: FullBand, recordings: Config, run: Run) -> Pair:
    """Both nets of a fold and seed, ready to listen.

    Parameters
    ----------
    chosen : FullBand
        Whose students are trained.
    recordings : Config
        Of the model that hears codes.
    run : Run
        Fold and seed.

    Returns
    -------
    Pair

    Raises
    ------
    BadConfig
        The model that hears codes is not trained yet.
    """
    path = train.weights_path(recordings, run)
    if not path.exists():
        raise BadConfig(f"{path}: missing; `python -m training train` makes it")
    return Pair(fullband_train.load(chosen, recordings, run), train.load(recordings, run)).eval()
