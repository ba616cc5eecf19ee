"""How many dead letters the running processors count, by reason, from their metrics."""

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import Unavailable

_SAMPLE = "cityhum_dead_letters_total"
_WITHIN_S = 1.0


def by_reason(addresses: Sequence[str]) -> Mapping[str, int]:
    """Sum over processes, each since its start.

    Raises
    ------
    Unavailable
        If one of them does not answer.
    """
    counted: Counter[str] = Counter()
    for address in addresses:
        counted.update(counts(_text(address)))
    return counted


def counts(text: str) -> Mapping[str, int]:
    """Dead letters by reason in one process's metrics.

    Examples
    --------
    >>> counts('cityhum_dead_letters_total{reason="size"} 2.0')
    {'size': 2}
    """
    return {
        sample.labels.get("reason", ""): int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == _SAMPLE
    }


def _text(address: str) -> str:
    try:
        with urlopen(address, timeout=_WITHIN_S) as answer:  # noqa: S310  # the operator's own
            return str(answer.read().decode("utf-8", errors="replace"))
    except (URLError, OSError) as error:
        raise Unavailable(f"metrics at {address}: {error}") from None
