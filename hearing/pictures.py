"""Confusion matrix and reliability diagram as SVG text: small, searchable, always the same."""

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from hearing.calibration import Reliability
from hearing.judging import Calibration, Confusion

_CELL: Final = 26
_MARGIN: Final = 118  # for the labels, at the left and below
_TOP: Final = 28
_SIDE: Final = 240  # of a diagram
_GAP: Final = 56
_WHITE, _BLUE, _GREY = "#ffffff", "#08519c", "#777777"
_PALE: Final = "#9ecae1"
_DARK: Final = 0.5  # of a row: from here on a number is written in white


def confusion_svg(confusion: Confusion, title: str) -> str:
    """Draw a confusion matrix: counts, coloured by their share of the row.

    Parameters
    ----------
    confusion : Confusion
        Rows: truth; columns: what it was taken for.
    title : str
        Above the matrix.

    Returns
    -------
    str
        SVG.
    """
    side = _CELL * len(confusion.labels)
    left = _MARGIN + 14
    middle, bottom = left + side / 2, _TOP + side
    parts = [
        _text(10, 16, title, anchor="start", size=12),
        _text(middle, bottom + _MARGIN + 8, "taken for", colour=_GREY),
        _text(10, _TOP + side / 2, "truth", colour=_GREY, turned=True),
        f'<path d="M{left} {_TOP}h{side}v{side}h-{side}z" fill="none" stroke="{_GREY}"/>',
    ]
    for n, label in enumerate(confusion.labels):
        at, name = n * _CELL + _CELL / 2, label.replace("_", " ")
        parts.append(_text(left - 6, _TOP + at + 4, name, anchor="end"))
        parts.append(_text(left + at + 4, bottom + 6, name, anchor="end", turned=True))
    for row, counts in enumerate(confusion.counts):
        parts += _cells(counts, left, _TOP + row * _CELL)
    return _svg(left + max(side, 180) + 14, bottom + _MARGIN + 16, parts)


def _cells(counts: Sequence[int], left: float, top: float) -> Iterator[str]:
    for n, count in enumerate(counts):
        if count:
            x, share = left + n * _CELL, count / sum(counts)
            yield (
                f'<rect x="{x:g}" y="{top:g}" width="{_CELL}" height="{_CELL}" fill="{_BLUE}" '
                f'fill-opacity="{0.05 + 0.95 * share:.2f}"/>'
            )
            colour = _WHITE if share > _DARK else "#000000"
            yield _text(x + _CELL / 2, top + _CELL / 2 + 4, str(count), colour=colour, size=10)


def reliability_svg(calibration: Calibration, title: str) -> str:
    """Draw how often probabilities came true: of all labels, and of the highest of each clip.

    Parameters
    ----------
    calibration : Calibration
        Both diagrams.
    title : str
        Above them.

    Returns
    -------
    str
        SVG. Grey ticks along the bottom show how many probabilities a bar rests on.
    """
    width = 2 * _SIDE + 2 * _GAP + 10
    parts = [
        _text(width / 2, 16, title, size=12),
        *_diagram(calibration.labels, "all labels of all clips", _GAP),
        *_diagram(calibration.top, "highest label of each clip", 2 * _GAP + _SIDE),
        _text(14, 48 + _SIDE / 2, "share that came true", colour=_GREY, turned=True),
    ]
    return _svg(width, _SIDE + 48 + 40, parts)


def _diagram(found: Reliability, name: str, left: float) -> Iterator[str]:
    top, bins, most = 48, len(found.count), max(found.count)
    bottom = top + _SIDE
    yield _text(left + _SIDE / 2, top - 10, f"{name}: ECE {found.ece:.3f}, n = {sum(found.count)}")
    step = _SIDE / bins
    for n, (count, share) in enumerate(zip(found.count, found.share, strict=True)):
        if count:
            x = left + n * step
            yield _bar(x + 0.05 * step, bottom, 0.9 * step, share * _SIDE, _PALE)
            yield _bar(x + 0.35 * step, bottom, 0.3 * step, 2 + 0.1 * _SIDE * count / most, _GREY)
    points = [
        (left + confidence * _SIDE, bottom - share * _SIDE)
        for count, confidence, share in zip(found.count, found.confidence, found.share, strict=True)
        if count
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{line}" fill="none" stroke="{_BLUE}" stroke-width="1.5"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{_BLUE}"/>' for x, y in points)
    yield from _axes(left, top)


def _axes(left: float, top: float) -> Iterator[str]:
    right, bottom = left + _SIDE, top + _SIDE
    yield (
        f'<path d="M{left} {top}H{right}V{bottom}H{left}Z" fill="none" stroke="{_GREY}"/>'
        f'<path d="M{left} {bottom}L{right} {top}" stroke="{_GREY}" stroke-dasharray="4 3"/>'
    )
    for n in range(6):
        share = n / 5
        yield _text(left + share * _SIDE, bottom + 14, f"{share:g}")
        yield _text(left - 6, bottom - share * _SIDE + 4, f"{share:g}", anchor="end")
    yield _text((left + right) / 2, bottom + 30, "probability", colour=_GREY)


def _bar(x: float, bottom: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" fill="{colour}"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "middle",
    colour: str = "#000000",
    size: int = 11,
    turned: bool = False,
) -> str:
    turn = f' transform="rotate(-90 {x:g} {y:g})"' if turned else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{colour}"{turn}>{escape(text)}</text>'
    )


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif">'
    )
    paper = f'<rect width="100%" height="100%" fill="{_WHITE}"/>'
    return "\n".join([opening, paper, *parts, "</svg>\n"])
