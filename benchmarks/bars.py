"""Bars that lie, as SVG text: names, values, ours in blue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_ROW: Final = 24
_NAMES: Final = 250
_LONGEST: Final = 360
_WIDTH: Final = _NAMES + _LONGEST + 110
_TOP: Final = 40
_OURS, _OTHERS, _GREY = "#08519c", "#9ecae1", "#555555"


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes
    ----------
    name : str
        Of whom.
    value : float
        Not negative.
    ours : bool
        Drawn in blue.
    """

    name: str
    value: float
    ours: bool = False


def bars_svg(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Draw bars from zero, on one linear scale.

    Parameters
    ----------
    title, unit : str
        What is shown, in what.
    bars : sequence of Bar
        From top to bottom; at least one.

    Returns
    -------
    str
        SVG.
    """
    most = max(bar.value for bar in bars) or 1.0
    height = _TOP + _ROW * len(bars) + 12
    rows = [
        line
        for n, bar in enumerate(bars)
        for line in _row(bar, _TOP + n * _ROW, _LONGEST * bar.value / most)
    ]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">'
    )
    right = f'x="{_WIDTH - 12}" y="22" text-anchor="end" fill="{_GREY}"'
    return "\n".join(
        [
            opening,
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="12" y="22" font-size="14">{escape(title)}</text>',
            f"<text {right}>{escape(unit)}</text>",
            *rows,
            "</svg>\n",
        ]
    )


def _row(bar: Bar, top: float, length: float) -> tuple[str, str, str]:
    middle = top + _ROW / 2 + 4
    colour = _OURS if bar.ours else _OTHERS
    size = f'width="{length:.1f}" height="{_ROW - 6}"'
    return (
        f'<text x="{_NAMES - 8}" y="{middle:g}" text-anchor="end">{escape(bar.name)}</text>',
        f'<rect x="{_NAMES}" y="{top + 3:g}" {size} fill="{colour}"/>',
        f'<text x="{_NAMES + length + 6:.1f}" y="{middle:g}">{_short(bar.value)}</text>',
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004  # digits
