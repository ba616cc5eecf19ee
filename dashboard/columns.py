"""How columns of tables are headed and formatted, and what Streamlit would take for layout."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import streamlit as st

TIME: Final = "YYYY-MM-DD HH:mm:ss"


def _time(name: str) -> Any:  # noqa: ANN401
    return st.column_config.DatetimeColumn(name, format=TIME)


def _level(name: str) -> Any:  # noqa: ANN401
    return st.column_config.NumberColumn(name, format="%.1f")


def _share(name: str) -> Any:  # noqa: ANN401
    return st.column_config.NumberColumn(name, format="percent")


COLUMNS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "onset_at": _time("onset"),
        "ended_at": _time("end"),
        "last_at": _time("last reading"),
        "status_at": _time("last status"),
        "loudest_at": _time("loudest at"),
        "oldest_commit_at": _time("slowest partition at"),
        "newest_commit_at": _time("newest commit"),
        "oldest_at": _time("oldest"),
        "newest_at": _time("newest"),
        "newest_detail": st.column_config.TextColumn("what was wrong with it"),
        "begin": _time("from"),
        "end": _time("to"),
        "laeq_10s_db": _level("LAeq,10s dB"),
        "peak_laeq_1s_db": _level("peak LAeq,1s dB"),
        "source_leq_db": _level("own level dB"),
        "loudest_db": _level("loudest window dB"),
        "ld_db": _level("Ld dB"),
        "le_db": _level("Le dB"),
        "ln_db": _level("Ln dB"),
        "lden_db": _level("Lden dB"),
        "laeq_db": _level("LAeq dB"),
        "l10_db": _level("L10 dB"),
        "l50_db": _level("L50 dB"),
        "l90_db": _level("L90 dB"),
        "day_coverage": _share("day heard"),
        "evening_coverage": _share("evening heard"),
        "night_coverage": _share("night heard"),
        "coverage": _share("heard"),
        "peak_score": _share("peak score"),
        "active_s": st.column_config.NumberColumn("active s"),
        "hours_over_limit": st.column_config.NumberColumn("hours over limit"),
        "loudest_device": st.column_config.TextColumn("loudest at device"),
        "temperature_c": st.column_config.NumberColumn("°C", format="%.1f"),
        "disk_free_gb": st.column_config.NumberColumn("disk free GB", format="%.1f"),
        "spooled_readings": st.column_config.NumberColumn("spooled"),
        "lag_s": st.column_config.NumberColumn("behind s", format="%.1f"),
        "behind": st.column_config.NumberColumn("behind records"),
        "off_clock": st.column_config.NumberColumn("clock wrong"),
        "onset_s": st.column_config.NumberColumn("onset moved s", format="%+.1f"),
        "end_s": st.column_config.NumberColumn("end moved s", format="%+.1f"),
    }
)


def columns(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Configuration of a table's columns; those that it does not have are left aside."""
    return {**COLUMNS, **more}


_MARKS: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>()#+-.!|~$:&"})


def unmarked(words: object) -> str:
    r"""Words for where Streamlit reads Markdown.

    Examples
    --------
    >>> unmarked("*loud* :red[x]")
    '\\*loud\\* \\:red\\[x\\]'
    """
    return str(words).translate(_MARKS)
