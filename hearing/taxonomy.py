"""Our labels, where each sound comes from, and what AudioSet calls it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from schemas.results import Origin

OTHER: Final = "other"
SILENCE: Final = "silence"

ORIGINS: Final[Mapping[str, Origin]] = MappingProxyType(
    {
        # UrbanSound8K
        "air_conditioner": "technogenic",
        "car_horn": "technogenic",
        "children_playing": "human",
        "dog_bark": "natural",
        "drilling": "technogenic",
        "engine_idling": "technogenic",
        "gun_shot": "technogenic",
        "jackhammer": "technogenic",
        "siren": "technogenic",
        "street_music": "human",
        # ESC-10, dog_bark being in both
        "baby_cry": "human",
        "chainsaw": "technogenic",
        "clock_tick": "technogenic",
        "fire_crackling": "natural",
        "helicopter": "technogenic",
        "person_sneeze": "human",
        "rain": "natural",
        "rooster": "natural",
        "sea_waves": "natural",
        # voices and backgrounds
        "speech": "human",
        "birds": "natural",
        "traffic": "technogenic",
        "wind": "natural",
    }
)
"""Every label that a model of ours may give, with its origin."""

LABELS: Final = tuple(ORIGINS)

# leaves only: AudioSet's parents ("Animal", "Vehicle") outrank everything
_LEAVES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "air_conditioner": ("Air conditioning",),
        "car_horn": ("Vehicle horn, car horn, honking", "Toot", "Air horn, truck horn"),
        "children_playing": ("Children playing", "Children shouting"),
        "dog_bark": ("Bark", "Yip", "Bow-wow"),
        "drilling": ("Drill",),
        "engine_idling": ("Idling",),
        "gun_shot": ("Gunshot, gunfire",),
        "jackhammer": ("Jackhammer",),
        "siren": (
            "Siren",
            "Police car (siren)",
            "Ambulance (siren)",
            "Fire engine, fire truck (siren)",
            "Civil defense siren",
        ),
        "street_music": ("Music",),
        "baby_cry": ("Baby cry, infant cry",),
        "chainsaw": ("Chainsaw",),
        "clock_tick": ("Tick", "Tick-tock"),
        "fire_crackling": ("Crackle",),
        "helicopter": ("Helicopter",),
        "person_sneeze": ("Sneeze",),
        "rain": ("Rain", "Raindrop", "Rain on surface"),
        "rooster": ("Crowing, cock-a-doodle-doo",),
        "sea_waves": ("Waves, surf",),
        "speech": (
            "Male speech, man speaking",
            "Female speech, woman speaking",
            "Child speech, kid speaking",
            "Conversation",
            "Narration, monologue",
        ),
        "birds": ("Bird vocalization, bird call, bird song", "Chirp, tweet"),
        "traffic": ("Traffic noise, roadway noise", "Car passing by"),
        "wind": ("Wind", "Rustling leaves"),
    }
)
FROM_AUDIOSET: Final[Mapping[str, str]] = MappingProxyType(
    {leaf: label for label, leaves in _LEAVES.items() for leaf in leaves}
)
"""AudioSet display name of a class -> our label."""


def origin_of(label: str) -> Origin | None:
    """Where a sound comes from.

    Parameters
    ----------
    label : str
        A label.

    Returns
    -------
    Origin or None
        None for "other", "silence" and whatever is not ours.

    Examples
    --------
    >>> origin_of("siren"), origin_of("other")
    ('technogenic', None)
    """
    return ORIGINS.get(label)


def labels_of(classes: Sequence[str]) -> tuple[str, ...]:
    """Our labels that a model of AudioSet's classes can give.

    Parameters
    ----------
    classes : sequence of str
        Display names.

    Returns
    -------
    tuple of str
        In our order.

    Examples
    --------
    >>> labels_of(["Vehicle", "Siren", "Bark", "Police car (siren)"])
    ('dog_bark', 'siren')
    """
    heard = {FROM_AUDIOSET.get(name) for name in classes}
    return tuple(label for label in LABELS if label in heard)


def columns(classes: Sequence[str], labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Which outputs stand for each label: AudioSet's leaves; its parents stand for nothing.

    Parameters
    ----------
    classes, labels : sequence of str
        Display names of the outputs, in order; our labels.

    Returns
    -------
    tuple of tuple of int
        One for each label.

    Examples
    --------
    >>> columns(["Vehicle", "Siren", "Bark", "Police car (siren)"], ["siren", "dog_bark"])
    ((1, 3), (2,))
    """
    return tuple(
        tuple(n for n, name in enumerate(classes) if FROM_AUDIOSET.get(name) == label)
        for label in labels
    )
