"""What the front ends share: frames, and triangular filters on a mel scale."""

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Spectrum = NDArray[np.float32]


def framed(sound: Sound, window: int, hop: int) -> Sound:
    """Overlapping frames, without padding.

    Parameters
    ----------
    sound : ndarray of float32, shape (samples,)
        Any full scale.
    window, hop : int
        Length of a frame and step between two, samples.

    Returns
    -------
    ndarray of float32, shape (frames, window)
        A view into `sound`.

    Examples
    --------
    >>> framed(np.zeros(400 + 3 * 160, np.float32), 400, 160).shape
    (4, 400)
    """
    return np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]


def hz_to_mel(frequency_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """O'Shaughnessy's scale, which HTK and Kaldi use: 1127 ln(1 + f / 700).

    Examples
    --------
    >>> hz_to_mel(np.array([0.0, 700.0])).round(3).tolist()
    [0.0, 781.177]
    """
    return np.asarray(1127.0 * np.log1p(frequency_hz / 700.0), dtype=np.float64)


def triangles(low_hz: float, high_hz: float, bands: int, fft: int, rate_hz: int) -> Spectrum:
    """Filters with unit peak whose edges, and whose slopes, are straight on the mel scale.

    Parameters
    ----------
    low_hz, high_hz : float
        Outer edges, Hz.
    bands, fft : int
        Number of filters, and length of the transform.
    rate_hz : int
        Sample rate, Hz.

    Returns
    -------
    ndarray of float32, shape (fft // 2 + 1, bands)
        Weight of every bin in every band, 0 to 1.
    """
    ends = hz_to_mel(np.array([low_hz, high_hz]))
    edges = np.linspace(ends[0], ends[1], bands + 2)
    bins = hz_to_mel(np.arange(fft // 2 + 1) * (rate_hz / fft))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), dtype=np.float32)
