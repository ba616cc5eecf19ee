"""What does a second of a rendered street cost? Run: `python -m benchmarks.street`.

Recorded on a two-core server (numpy 2.4, one thread, 20 devices, seed 7):

    seconds (0, 60): mean 3.0 ms, longest 1030 ms
    seconds (70, 100): mean 1.7 ms, longest 30 ms

Twenty devices in real time thus need 3 to 6 % of a core. The longest second is the first car,
which makes the textures that all cars share; a vehicle's siren costs about 500 ms once and 25 ms
for each device that it passes.
"""

import sys
from time import perf_counter, process_time

from agents.street import city


def cost_ms(devices: int, first: int, last: int) -> tuple[float, float]:
    """Cost of rendering a city's seconds in order.

    Parameters
    ----------
    devices : int
        How many.
    first, last : int
        Seconds of the scene.

    Returns
    -------
    mean_ms, longest_ms : float
        CPU time a device-second; wall time of the slowest one.
    """
    scenes, longest, began = city(seed=7, devices=devices), 0.0, process_time()
    for k in range(first, last):
        for scene in scenes:
            before = perf_counter()
            scene.second(k)
            longest = max(longest, perf_counter() - before)
    mean = (process_time() - began) / (last - first) / devices
    return 1000 * mean, 1000 * longest


if __name__ == "__main__":
    for span in ((0, 60), (70, 100)):
        mean, longest = cost_ms(20, *span)
        sys.stdout.write(f"seconds {span}: mean {mean:.2f} ms, longest {longest:.0f} ms\n")
