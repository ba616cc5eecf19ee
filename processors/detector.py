"""One rule listening to seconds in event-time order: raised, updated, cleared.

An event begins when n of m seconds count and is over when so many in a row neither count nor
hold. It is an alert once it has lasted long enough, and it ends when nothing that comes could
still be part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from processors.event_time import SECOND_US, moment
from processors.rule_terms import Judged, Second
from processors.rules import Rule
from schemas.results import Alert, AlertState, EndReason

NAMESPACE: Final = UUID("5f0c8a3e-6f0f-4c9b-9a53-3b1d0e4c7a21")


class Place(NamedTuple):
    """What an alert says of where it was found."""

    site: str
    device: str


class Met(NamedTuple):
    """A second that counted."""

    start_us: int
    session: str
    laeq_db: float
    score: int | None


class Open(NamedTuple):
    """An event that has begun; `raised_us` is 0 until it is an alert, `told_us` its last news.

    `quiet_us` is where the newest `quiet_s` seconds begin, which did not hold it; `over`: they
    were enough, but what comes next may be near enough to be the same event.
    """

    alert_id: str
    session: str
    onset_us: int
    peak_db: float
    peak_score: int | None
    active_s: int
    background_db: float | None
    raised_us: int = 0
    quiet_s: int = 0
    quiet_us: int = 0
    over: bool = False
    revision: int = -1
    told_us: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """State of one rule; `recent` are the newest seconds that counted and are in no event yet.

    `retired`: the rule is no more and only ends what is open; told anew before each second.
    """

    rule: Rule
    recent: tuple[Met, ...] = ()
    open: Open | None = None
    silent_until_us: int = 0
    retired: bool = field(default=False, compare=False)

    @property
    def is_raised(self) -> bool:
        """Whether an alert is open, not only what may become one."""
        return self.open is not None and self.open.raised_us > 0

    @property
    def busy_from_us(self) -> int | None:
        """Earliest onset of what is open, or of what may yet be raised."""
        if self.open is not None:
            return self.open.onset_us
        return self.recent[0].start_us if self.recent else None


Step = tuple[Watch, tuple[Alert, ...]]


def hear(watch: Watch, second: Second, place: Place, background_db: float | None = None) -> Step:
    """Let a rule hear the next second.

    Parameters
    ----------
    watch : Watch
        State of the rule.
    second : Second
        Not before the one heard last.
    place : Place
        For alerts.
    background_db : float or None
        Running background before this second, dB.
    """
    judged = watch.rule.judged(second, background_db)
    if watch.open is None:
        return _listened(watch, second, judged, place, background_db)
    if watch.open.over:
        return _waited(watch, watch.open, second, judged, place, background_db)
    return _continued(watch, watch.open, second, judged, place)


def lost(watch: Watch, at_us: int, place: Place) -> Step:
    """End what is open, since nothing was heard after `at_us`."""
    if watch.open is None:
        return (replace(watch, recent=()) if watch.recent else watch), ()
    if watch.open.over:
        return _ended(replace(watch, recent=()), watch.open, place, "cleared", now_us=at_us)
    gone = watch.open._replace(quiet_us=at_us)
    return _ended(replace(watch, recent=()), gone, place, "signal_lost", now_us=at_us)


def _listened(
    watch: Watch, second: Second, judged: Judged, place: Place, background_db: float | None
) -> Step:
    """Nothing is open: begin when n of m seconds count, unless silent after an alert."""
    watch = _with_recent(watch, second, judged)
    if not _is_met(watch, judged) or second.start_us < watch.silent_until_us:
        return watch, ()
    first = watch.recent[0]
    name = f"{watch.rule.rule}|{watch.rule.version}|{place.device}|{first.session}|{first.start_us}"
    begun = Open(
        alert_id=str(uuid5(NAMESPACE, name)),
        session=first.session,
        onset_us=first.start_us,
        peak_db=first.laeq_db,
        peak_score=first.score,
        active_s=0,
        background_db=background_db,
    )
    return _told(replace(watch, recent=()), _joined(begun, watch.recent), second, place)


def _continued(watch: Watch, opened: Open, second: Second, judged: Judged, place: Place) -> Step:
    """Something is open: go on, or be over."""
    if judged.holds:
        met = (_met(second, judged),) if judged.counts else ()
        return _told(watch, _joined(opened, met), second, place)
    opened = opened._replace(
        quiet_s=opened.quiet_s + 1, quiet_us=opened.quiet_us if opened.quiet_s else second.start_us
    )
    if opened.quiet_s < watch.rule.off_seconds:
        return _told(watch, opened, second, place)
    return _settled(replace(watch, open=opened._replace(over=True)), second, place)


def _waited(
    watch: Watch,
    opened: Open,
    second: Second,
    judged: Judged,
    place: Place,
    background_db: float | None,
) -> Step:
    """What is open is over, unless something begins that is near enough."""
    watch = _with_recent(watch, second, judged)
    if not _is_met(watch, judged):
        return _settled(watch, second, place)
    if watch.recent[0].start_us < opened.quiet_us + watch.rule.merge_s * SECOND_US:
        joined = _joined(opened, watch.recent)
        return _told(replace(watch, recent=()), joined, second, place)
    watch, ended = _ended(watch, opened, place, "cleared", now_us=second.start_us)
    if watch.retired:
        return watch, ended
    before = replace(watch, recent=watch.recent[:-1])  # the second itself is listened to again
    watch, begun = _listened(before, second, judged, place, background_db)
    return watch, ended + begun


def _settled(watch: Watch, second: Second, place: Place) -> Step:
    """End what is over once nothing can be near enough any more."""
    assert watch.open is not None  # noqa: S101  # the caller's condition
    until_us = watch.open.quiet_us + watch.rule.merge_s * SECOND_US
    if second.end_us < until_us or (watch.recent and watch.recent[0].start_us < until_us):
        return watch, ()
    return _ended(watch, watch.open, place, "cleared", now_us=second.end_us)


def _told(watch: Watch, opened: Open, second: Second, place: Place) -> Step:
    """Say what there is to say of an event that goes on: raised, updated, or at its longest."""
    rule, now_us = watch.rule, second.end_us
    lasted_us = now_us - opened.onset_us
    if not opened.raised_us and not opened.quiet_s and lasted_us >= rule.min_duration_s * SECOND_US:
        opened = opened._replace(raised_us=now_us, told_us=now_us, revision=0)
        told: tuple[Alert, ...] = (_alert(rule, opened, place, "raised"),)
    elif lasted_us >= rule.max_duration_s * SECOND_US:
        return _ended(watch, opened._replace(quiet_us=now_us), place, "max_duration", now_us=now_us)
    elif opened.raised_us and now_us >= opened.told_us + rule.update_s * SECOND_US:
        opened = opened._replace(revision=opened.revision + 1, told_us=now_us)
        told = (_alert(rule, opened, place, "updated"),)
    else:
        told = ()
    return replace(watch, open=opened), told


def _ended(watch: Watch, opened: Open, place: Place, reason: EndReason, *, now_us: int) -> Step:
    """End an event at its `quiet_us`; one that was too short for an alert leaves no trace."""
    watch = replace(watch, open=None)
    if not opened.raised_us:
        return watch, ()
    last = opened._replace(revision=opened.revision + 1)
    alert = _alert(watch.rule, last, place, "cleared").model_copy(
        update={"ended_at": moment(opened.quiet_us), "end_reason": reason}
    )
    return replace(watch, silent_until_us=now_us + watch.rule.cooldown_s * SECOND_US), (alert,)


def _with_recent(watch: Watch, second: Second, judged: Judged) -> Watch:
    if not (watch.recent or judged.counts):
        return watch
    # half a second of slack: a slewed clock does not tick in whole seconds
    oldest_us = second.start_us - watch.rule.of_seconds * SECOND_US + SECOND_US // 2
    recent = tuple(met for met in watch.recent if met.start_us > oldest_us)
    if judged.counts:
        recent = (*recent, _met(second, judged))
    return watch if recent == watch.recent else replace(watch, recent=recent)


def _is_met(watch: Watch, judged: Judged) -> bool:
    return judged.counts and len(watch.recent) >= watch.rule.on_seconds


def _met(second: Second, judged: Judged) -> Met:
    return Met(second.start_us, second.session, second.levels_db[0], judged.score)


def _joined(opened: Open, seconds: Sequence[Met]) -> Open:
    """With more seconds that counted; it is not quiet now."""
    scores = [met.score for met in seconds if met.score is not None]
    if opened.peak_score is not None:
        scores.append(opened.peak_score)
    return opened._replace(
        quiet_s=0,
        over=False,
        active_s=opened.active_s + len(seconds),
        peak_db=max((opened.peak_db, *(met.laeq_db for met in seconds))),
        peak_score=max(scores, default=None),
    )


def _alert(rule: Rule, opened: Open, place: Place, state: AlertState) -> Alert:
    return Alert(
        alert_id=UUID(opened.alert_id),
        revision=opened.revision,
        state=state,
        rule=rule.rule,
        rule_version=rule.version,
        site=place.site,
        device=place.device,
        session=opened.session,
        onset_at=moment(opened.onset_us),
        raised_at=moment(opened.raised_us),
        peak_laeq_1s_db=opened.peak_db,
        peak_score=opened.peak_score,
        background_db=opened.background_db,
        active_s=opened.active_s,
        historical=False,
    )
