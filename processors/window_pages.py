"""The windows of one device around those that changed, on their way to new rows.

What a label's own energy was depends on the minutes before (`sources`), and whether an event
begins on the second before: windows after a changed one are computed again where that matters.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from processors import sources, window_seconds, window_sums
from processors.sources import BACKGROUND_MINUTES, MinuteBackground
from processors.window_keys import BASE_S, MINUTE_S, Key, base, minute, parents
from processors.window_questions import Span, StoredBase, StoredChild, StoredMinute
from processors.window_rows import WindowRow, row
from processors.window_seconds import NOTHING_HEARD, Heard
from processors.window_sums import Sums
from schemas.base import DeviceId, SiteId

_REACH_S: Final = (BACKGROUND_MINUTES + 1) * MINUTE_S
"""So long after its begin a minute bears on other windows."""

# what closed a moment ago is asked for again when its minute closes
_of_seconds = lru_cache(maxsize=1 << 14)(window_sums.of_seconds)
_sums = lru_cache(maxsize=1 << 12)(window_sums.load)


class DevicePages:
    """Pages of one device: first what is new, then what was stored, then the rows."""

    def __init__(self, site: SiteId, device: DeviceId, zone: ZoneInfo) -> None:
        self.rows: list[WindowRow] = []
        self._site = site
        self._device = device
        self._zone = zone
        self._new: dict[int, Heard] = {}
        self._due: dict[Key, bool] = {}
        self._stored: dict[int, StoredBase] = {}
        self._heard: dict[int, Heard] = {}
        self._minutes: dict[int, StoredMinute] = {}
        self._written: dict[Key, Sums] = {}
        self._known: dict[int, tuple[int | None, int | None]] = {}

    def touch(self, key: Key, heard: Heard, *, final: bool) -> None:
        """Take what is new in a window, or that its row is due."""
        self._due[key] = final or self._due.get(key, False)
        if heard.seconds:
            before = self._new.get(key.start_s, NOTHING_HEARD)
            self._new[key.start_s] = window_seconds.merged(before, heard)

    def spans(self) -> Iterator[Span]:
        """Where base windows may matter: disjoint spans, each with the window before it."""
        touched = {minute(start_s).start_s for start_s in self._new}
        due = {minute(key.start_s).start_s for key in self._due if key.length_s <= MINUTE_S}
        ends = {
            start_s: start_s + (_REACH_S if start_s in touched else MINUTE_S) for start_s in due
        }
        from_s = to_s = None
        for start_s in sorted(ends):
            if from_s is None or to_s is None or start_s - BASE_S > to_s:
                if from_s is not None and to_s is not None:
                    yield Span(self._device, from_s, to_s)
                from_s, to_s = start_s - BASE_S, ends[start_s]
            to_s = max(to_s, ends[start_s])
        if from_s is not None and to_s is not None:
            yield Span(self._device, from_s, to_s)

    def found_base(self, stored: StoredBase) -> None:
        """Take a stored base window."""
        self._stored[stored.start_s] = stored

    def found_minute(self, stored: StoredMinute) -> None:
        """Take a stored minute."""
        self._minutes[stored.start_s] = stored

    def revise(self) -> None:
        """Write rows of base windows and minutes."""
        minutes = self._revised_minutes()
        changed = set(self._new) | {k.start_s for k in self._due if k.length_s == BASE_S}
        changed |= {start_s + BASE_S for start_s in self._new}
        for start_s in self._after(minutes):
            if self._backgrounds(start_s, minutes) != self._backgrounds(start_s, {}):
                changed.update(range(start_s, start_s + MINUTE_S, BASE_S))
        for start_s in sorted(changed):
            self._write_base(start_s, minutes)
        due = {key for key in self._due if key.length_s == MINUTE_S}
        due |= {m for s in changed if (m := minute(s)).start_s in self._minutes}
        for key in sorted(due):
            self._write_minute(key, minutes)

    def wanted(self, length_s: int) -> list[tuple[DeviceId, Key, bool]]:
        """Larger windows that may have to be merged anew, and whether they are due."""
        found = {
            key: False
            for child in self._written
            if child.length_s != BASE_S
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
            self._write(key, sums, window_sums.dump(sums), before=children[0].final)

    def _revised_minutes(self) -> dict[int, MinuteBackground]:
        """Backgrounds of the minutes with new readings, if a later minute has any."""
        last = max((*self._stored, *self._new), default=0)
        them = {minute(start_s).start_s for start_s in self._new}
        return {m: _background(self._in_minute(m)) for m in them if last >= m + MINUTE_S}

    def _after(self, minutes: Iterable[int]) -> set[int]:
        """Minutes that were heard and for which the background may be another now."""
        heard = {minute(start_s).start_s for start_s in self._stored}
        return {
            after
            for start_s in minutes
            for after in range(start_s + MINUTE_S, start_s + _REACH_S, MINUTE_S)
            if after in heard
        }

    def _backgrounds(
        self, start_s: int, revised: dict[int, MinuteBackground]
    ) -> tuple[int | None, int | None]:
        """Running background of a minute, for relative and for calibrated levels."""
        them = []
        for before in range(start_s - BACKGROUND_MINUTES * MINUTE_S, start_s, MINUTE_S):
            if before in revised:
                them.append(revised[before])
            elif before in self._minutes:
                them.append(self._minutes[before].background)
        return (
            sources.background(them, calibrated=False),
            sources.background(them, calibrated=True),
        )

    def _in_minute(self, start_s: int) -> list[Heard]:
        them = [self._base(at) for at in range(start_s, start_s + MINUTE_S, BASE_S)]
        return [heard for heard in them if heard.seconds]

    def _base(self, start_s: int) -> Heard:
        """Readings of a base window, stored and new."""
        if start_s not in self._heard:
            stored = self._stored.get(start_s)
            before = window_seconds.load(stored.sums) if stored else NOTHING_HEARD
            new = self._new.get(start_s, NOTHING_HEARD)
            self._heard[start_s] = window_seconds.merged(before, new)
        return self._heard[start_s]

    def _base_sums(self, start_s: int, minutes: dict[int, MinuteBackground]) -> Sums:
        heard = self._base(start_s)
        of_minute = minute(start_s).start_s
        background = self._known.get(of_minute)
        if background is None:
            background = self._known[of_minute] = self._backgrounds(of_minute, minutes)
        before = self._base(start_s - BASE_S).seconds[-1:]
        return _of_seconds(
            heard, background[heard.calibration is not None], before[0] if before else None
        )

    def _write_base(self, start_s: int, minutes: dict[int, MinuteBackground]) -> None:
        heard = self._base(start_s)
        if heard.seconds:
            stored = self._stored.get(start_s)
            sums = self._base_sums(start_s, minutes)
            self._write(
                base(start_s),
                sums,
                window_seconds.dump(heard),
                before=None if stored is None else stored.final,
            )

    def _write_minute(self, key: Key, minutes: dict[int, MinuteBackground]) -> None:
        starts = [at for at in range(key.start_s, key.end_s, BASE_S) if self._base(at).seconds]
        if starts:
            sums = window_sums.merged(self._base_sums(at, minutes) for at in starts)
            known = self._minutes.get(key.start_s)
            before = None if known is None else known.final
            self._write(key, sums, window_sums.dump(sums), before=before)

    def _write(self, key: Key, sums: Sums, stored: bytes, *, before: bool | None) -> None:
        """Give a window its row; `before`: whether the one that is there is final."""
        self._written[key] = sums
        self.rows.append(
            row(
                sums,
                key,
                site=self._site,
                device=self._device,
                final=bool(before) or self._due.get(key, False),
                stored=stored,
                known=before is not None,
            )
        )


def _background(them: Sequence[Heard]) -> MinuteBackground:
    """What a minute's readings say of the background; beside calibrated ones no relative ones."""
    calibrated = any(heard.calibration is not None for heard in them)
    levels = sorted(
        second.laeq
        for heard in them
        if (heard.calibration is not None) == calibrated
        for second in heard.seconds
    )
    quietest = len(levels) - -(-len(levels) * 90 // 100)  # as `decibels.exceeded` counts
    return MinuteBackground(
        window_sums.class_of(levels[quietest]), min(len(levels), MINUTE_S), calibrated
    )
