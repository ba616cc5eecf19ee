"""The windows of one device around those that changed: which rows become new, and of what.

What a label's own energy was depends on the minutes before (`sources`), and whether an event
begins on the second before: windows after a changed one are computed again where that matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from processors import sources, window_seconds, window_sums
from processors.sources import MinuteBackground
from processors.window_batch import Asked
from processors.window_keys import BASE_S, MINUTE_S, Key, base, minute, parents
from processors.window_questions import Span, StoredBase, StoredChild, StoredMinute, Touched
from processors.window_recent import BACK_S, BaseRow, Recent
from processors.window_rows import Place, WindowRow, row
from processors.window_seconds import NOTHING_HEARD, Heard
from processors.window_sums import Sums
from schemas.base import DeviceId, SiteId

_REACH_S: Final = BACK_S + MINUTE_S
"""So long after its begin a minute bears on other windows."""

# children of hours and days are asked for again and again
_sums = lru_cache(maxsize=1 << 12)(window_sums.load)


class DevicePages:
    """Pages of one device: first what is new, then what was stored, then what is to be written.

    `base` and `minutes`: rows that are due, and the base windows that they are made of.
    """

    def __init__(self, site: SiteId, device: DeviceId, zone: ZoneInfo, recent: Recent) -> None:
        self.base: list[tuple[Place, Asked]] = []
        self.minutes: list[tuple[Place, list[Asked]]] = []
        self.rows: list[WindowRow] = []
        self._site = site
        self._device = device
        self._zone = zone
        self._recent = recent
        self._newest_s = 0
        self._new: dict[int, Heard] = {}
        self._due: dict[Key, bool] = {}
        self._heard: dict[int, Heard] = {}
        self._written: dict[Key, Sums] = {}
        self._backgrounds: dict[tuple[int, bool], int | None] = {}

    def touch(self, one: Touched) -> None:
        """Take what is new in a window, or that its row is due."""
        self._due[one.key] = one.final or self._due.get(one.key, False)
        self._newest_s = max(self._newest_s, one.newest_s)
        if one.heard.active:
            before = self._new.get(one.key.start_s, NOTHING_HEARD)
            self._new[one.key.start_s] = window_seconds.merged(before, one.heard)

    def spans(self) -> list[Span]:
        """Where unknown base windows may matter: spans apart, each with the window before it."""
        due = {minute(key.start_s).start_s for key in self._due if key.length_s <= MINUTE_S}
        if not due or self._recent.covers(min(due)):
            return []
        touched = {minute(start_s).start_s for start_s in self._new}
        spans: list[Span] = []
        for start_s in sorted(due):
            end_s = start_s + (_REACH_S if start_s in touched else MINUTE_S)
            if spans and start_s - BASE_S <= spans[-1].to_s:
                spans[-1] = spans[-1]._replace(to_s=max(end_s, spans[-1].to_s))
            else:
                spans.append(Span(self._device, start_s - BASE_S, end_s))
        self._recent.asked(spans, self._newest_s)
        return spans

    def found_base(self, stored: StoredBase) -> None:
        """Take a stored base window."""
        row = BaseRow(window_seconds.load(stored.sums), stored.final)
        self._recent.bases[stored.start_s] = row

    def found_minute(self, stored: StoredMinute) -> None:
        """Take a stored minute."""
        self._recent.minutes[stored.start_s] = stored

    def revise(self) -> None:
        """Decide which base windows and minutes are written."""
        changed = {key.start_s for key in self._due if key.length_s == BASE_S}
        changed.update(self._new)
        changed.update([start_s + BASE_S for start_s in self._new])
        revised = self._revised_minutes()
        for start_s in self._after(revised):
            if any(
                self._background(start_s, revised, calibrated=calibrated)
                != self._background_of(start_s, {}, calibrated=calibrated)
                for calibrated in (False, True)
            ):
                changed.update(range(start_s, start_s + MINUTE_S, BASE_S))
        for start_s in sorted(changed):
            self._write_base(start_s, revised)
        due = {key for key in self._due if key.length_s == MINUTE_S}
        due |= {m for s in changed if (m := minute(s)).start_s in self._recent.minutes}
        for key in sorted(due):
            self._write_minute(key, revised)
        self._recent.trim(max((*changed, *(key.start_s for key in due)), default=0))

    def wanted(self, length_s: int) -> list[tuple[DeviceId, Key, bool]]:
        """Larger windows that may have to be merged anew, and whether they are due."""
        found = {
            key: False
            for child in self._written
            for key in parents(child, self._zone)
            if key.length_s == length_s
        }
        found.update(dict.fromkeys((key for key in self._due if key.length_s == length_s), True))
        return [(self._device, key, due) for key, due in found.items()]

    def merge(self, key: Key, children: Sequence[StoredChild]) -> None:
        """Write the row of a larger window from those in it, some of them just written."""
        child_s = key.child_s
        them = {one.start_s: _sums(one.sums) for one in children if one.sums is not None}
        for start_s in range(key.start_s, key.end_s, child_s):
            written = self._written.get(Key(child_s, start_s, start_s + child_s))
            if written is not None:
                them[start_s] = written
        if them:
            sums = window_sums.merged(them[start_s] for start_s in sorted(them))
            self.write(self._place(key, before=children[0].final), sums)

    def write(self, place: Place, sums: Sums) -> None:
        """Give a minute, or what is larger, its row."""
        self._written[place.key] = sums
        self.rows.append(row(sums, place, window_sums.dump(sums)))

    def _revised_minutes(self) -> dict[int, MinuteBackground]:
        """Backgrounds of minutes that are new or have new readings, if a later minute has any."""
        last = max((*self._recent.bases, *self._new), default=0)
        them = {minute(start_s).start_s for start_s in self._new}
        them.update(key.start_s for key in self._due if self._is_new_minute(key))
        heard = {m: self._in_minute(m) for m in them if m + MINUTE_S <= last}
        return {m: _background(some) for m, some in heard.items() if some}

    def _is_new_minute(self, key: Key) -> bool:
        """Whether it has no row yet; all that was heard in it may have been written early."""
        return key.length_s == MINUTE_S and key.start_s not in self._recent.minutes

    def _after(self, minutes: Iterable[int]) -> set[int]:
        """Minutes that were heard and for which the background may be another now."""
        return {
            after
            for start_s in minutes
            for after in range(start_s + MINUTE_S, start_s + _REACH_S, MINUTE_S)
            if any(at in self._recent.bases for at in range(after, after + MINUTE_S, BASE_S))
        }

    def _background(
        self, start_s: int, revised: Mapping[int, MinuteBackground], *, calibrated: bool
    ) -> int | None:
        """Running background of a minute, as it is now."""
        asked = start_s, calibrated
        if asked not in self._backgrounds:
            found = self._background_of(start_s, revised, calibrated=calibrated)
            self._backgrounds[asked] = found
        return self._backgrounds[asked]

    def _background_of(
        self, start_s: int, revised: Mapping[int, MinuteBackground], *, calibrated: bool
    ) -> int | None:
        known = self._recent.minutes
        them = []
        for before in range(start_s - BACK_S, start_s, MINUTE_S):
            if before in revised:
                them.append(revised[before])
            elif before in known:
                them.append(known[before].background)
        return sources.background(them, calibrated=calibrated)

    def _in_minute(self, start_s: int) -> list[Heard]:
        them = [self._base(at) for at in range(start_s, start_s + MINUTE_S, BASE_S)]
        return [heard for heard in them if heard.active]

    def _base(self, start_s: int) -> Heard:
        """Readings of a base window, stored and new."""
        heard = self._heard.get(start_s)
        if heard is None:
            stored = self._recent.bases.get(start_s)
            heard = self._new.get(start_s, NOTHING_HEARD)
            if stored is not None:
                heard = window_seconds.merged(stored.heard, heard)
            self._heard[start_s] = heard
        return heard

    def _asked(self, start_s: int, revised: Mapping[int, MinuteBackground]) -> Asked:
        heard = self._base(start_s)
        background = self._background(
            minute(start_s).start_s, revised, calibrated=heard.calibration is not None
        )
        before = self._base(start_s - BASE_S)
        return Asked(heard, background, before.last if before.active else None)

    def _write_base(self, start_s: int, revised: Mapping[int, MinuteBackground]) -> None:
        asked = self._asked(start_s, revised)
        if asked.heard.active:
            stored = self._recent.bases.get(start_s)
            place = self._place(base(start_s), before=None if stored is None else stored.final)
            self.base.append((place, asked))
            self._recent.bases[start_s] = BaseRow(asked.heard, place.final)

    def _write_minute(self, key: Key, revised: Mapping[int, MinuteBackground]) -> None:
        starts = range(key.start_s, key.end_s, BASE_S)
        them = [self._asked(at, revised) for at in starts if self._base(at).active]
        if any(one.heard.calibration is not None for one in them):
            them = [one for one in them if one.heard.calibration is not None]
        if them:
            known = self._recent.minutes.get(key.start_s)
            place = self._place(key, before=None if known is None else known.final)
            self.minutes.append((place, them))
            told = revised.get(key.start_s) or _background([one.heard for one in them])
            self._recent.minutes[key.start_s] = StoredMinute(
                self._device, key.start_s, told, place.final
            )

    def _place(self, key: Key, *, before: bool | None) -> Place:
        """Where a row goes; `before`: whether the one that is there is final."""
        return Place(
            self._site,
            self._device,
            key,
            final=bool(before) or self._due.get(key, False),
            known=before is not None,
        )


def background_of(minute_row: WindowRow) -> MinuteBackground:
    """What a minute's row says of the background."""
    return MinuteBackground(
        round(10 * minute_row.l90_db), minute_row.coverage_s, minute_row.calibration is not None
    )


def _background(them: Sequence[Heard]) -> MinuteBackground:
    """What a minute's readings say of the background; beside calibrated ones no relative ones."""
    calibrated = any(heard.calibration is not None for heard in them)
    levels: list[int] = []
    for heard in them:
        if (heard.calibration is not None) == calibrated:
            levels += heard.levels
    levels.sort()
    quietest = len(levels) - -(-len(levels) * 90 // 100)  # as `decibels.exceeded` counts
    return MinuteBackground(
        window_sums.class_of(levels[quietest]), min(len(levels), MINUTE_S), calibrated
    )
