"""Gaps stay gaps: no line crosses them, no colour fills them."""

import pandas as pd

DAY_S = 86_400


def with_gaps(rows: pd.DataFrame, step_s: float) -> pd.DataFrame:
    """Insert an empty row wherever a step is missing, so that no line crosses a gap.

    Examples
    --------
    >>> seconds = pd.to_datetime([0, 1, 5], unit="s")
    >>> rows = pd.DataFrame({"started_at": seconds, "laeq_db": [60.0, 61.0, 62.0]})
    >>> with_gaps(rows, step_s=1.0).laeq_db.tolist()
    [60.0, 61.0, nan, 62.0]
    """
    missing = rows.started_at.diff().dt.total_seconds() > 1.5 * step_s
    if not missing.any():
        return rows
    gaps = rows.loc[missing, ["started_at"]] - pd.Timedelta(seconds=step_s / 2)
    gaps.index = gaps.index - 0.5
    # in the order of the rows, not of the clock: that goes back in autumn
    merged: pd.DataFrame = pd.concat([rows, gaps]).sort_index().reset_index(drop=True)
    return merged


def band(rows: pd.DataFrame, at: str) -> tuple[list[object], list[float | None]]:
    """Outline between L10 and L90, each stretch by itself: a filled line would bridge the gaps.

    Parameters
    ----------
    rows : DataFrame
        `l10_db`, `l90_db`, empty in gaps, and the column `at` with times or dates.

    Returns
    -------
    x, y : list
        For a line that is filled `toself`.

    Examples
    --------
    >>> rows = pd.DataFrame({"at": [1, 2, 3], "l10_db": [60, None, 62], "l90_db": [50, None, 52]})
    >>> band(rows, "at")
    ([1, 1, None, 3, 3, None], [60.0, 50.0, None, 62.0, 52.0, None])
    """
    heard = rows.l10_db.notna()
    stretch = (heard != heard.shift()).cumsum()[heard]
    times: list[object] = []
    edges_db: list[float | None] = []
    for _, some in rows[heard].groupby(stretch):
        times += [*some[at], *some[at][::-1], None]
        edges_db += [*some.l10_db.astype(float), *some.l90_db.astype(float)[::-1], None]
    return times, edges_db


def on_grid(rows: pd.DataFrame, column: str, value: str, step_s: int) -> pd.DataFrame:
    """Rows of one value per time and name -> a table on an even grid; what is missing is NaN.

    Parameters
    ----------
    rows : DataFrame
        `started_at`, multiples of the step apart, and the two columns named here.
    column, value : str
        What becomes a column of the table, and what stands in it.
    step_s : int
        Of the grid, s.

    Returns
    -------
    DataFrame
        Indexed by time.

    Examples
    --------
    >>> seconds = pd.to_datetime([0, 2], unit="s")
    >>> rows = pd.DataFrame({"started_at": seconds, "label": ["siren"] * 2, "score": [900, 800]})
    >>> on_grid(rows, "label", "score", 1).siren.tolist()
    [900.0, nan, 800.0]
    """
    table = rows.pivot_table(index="started_at", columns=column, values=value, aggfunc="last")
    return even(table, step_s)


def even(table: pd.DataFrame, step_s: int) -> pd.DataFrame:
    """Put a table indexed by time on an even grid from its first to its last row."""
    if table.empty:
        return table
    table = table[~table.index.duplicated(keep="last")].sort_index()
    step = pd.Timedelta(seconds=step_s)
    grid = pd.date_range(table.index[0], table.index[-1], freq=step)
    return table.reindex(grid, method="nearest", tolerance=step / 2 - pd.Timedelta(milliseconds=1))
