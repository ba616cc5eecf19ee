"""One rule listening to seconds in event-time order: raised, updated, cleared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, get_args
from uuid import UUID, uuid5

from processors.event_time import SECOND_US, moment
from processors.rules import LabelRule, LevelField, Rule
from schemas.results import Alert, AlertState, EndReason

NAMESPACE: Final = UUID("5f0c8a3e-6f0f-4c9b-9a53-3b1d0e4c7a21")
UPDATE_DB: Final = 3.0
UPDATE_US: Final = 10 * SECOND_US
LEVEL_FIELDS: Final[tuple[LevelField, ...]] = get_args(LevelField)


class Second(NamedTuple):
    """One reading, as a rule sees it; levels in the order of `LEVEL_FIELDS`."""

    start_us: int
    session: str
    seq: int
    levels_db: Sequence[float]
    overload: bool
    scores: Mapping[str, int]

    @property
    def end_us(self) -> int:
        """First instant after the second."""
        return self.start_us + SECOND_US


class Place(NamedTuple):
    """What an alert says of where it was found."""

    site: str
    device: str


class Met(NamedTuple):
    """A second that met the rule."""

    start_us: int
    session: str
    laeq_db: float
    score: int | None


class Open(NamedTuple):
    """An alert that has been raised and has not ended; `told` is what was last published."""

    alert_id: str
    session: str
    onset_us: int
    raised_us: int
    peak_db: float
    peak_score: int | None
    active_s: int
    quiet_s: int
    quiet_us: int
    revision: int
    told_us: int
    told_db: float


@dataclass(frozen=True, slots=True)
class Watch:
    """State of one rule; `recent` are the newest seconds that met it while nothing is open."""

    rule: Rule
    recent: tuple[Met, ...] = ()
    open: Open | None = None
    silent_until_us: int = 0

    @property
    def busy_from_us(self) -> int | None:
        """Earliest onset of what is open, or of what may yet be raised."""
        if self.open is not None:
            return self.open.onset_us
        return self.recent[0].start_us if self.recent else None


Step = tuple[Watch, tuple[Alert, ...]]


def hear(watch: Watch, second: Second, place: Place) -> Step:
    """Let a rule hear the next second."""
    if watch.open is not None:
        return _continued(watch, watch.open, second, place)
    rule = watch.rule
    # half a second of slack: a slewed clock does not tick in whole seconds
    oldest_us = second.start_us - rule.of_seconds * SECOND_US + SECOND_US // 2
    recent = tuple(met for met in watch.recent if met.start_us > oldest_us)
    value, on, _ = _measured(rule, second)
    if value < on:
        return (watch if len(recent) == len(watch.recent) else replace(watch, recent=recent)), ()
    recent = (
        *recent,
        Met(second.start_us, second.session, second.levels_db[0], _score(rule, value)),
    )
    if len(recent) < rule.on_seconds or second.start_us < watch.silent_until_us:
        return replace(watch, recent=recent), ()
    return _raised(replace(watch, recent=recent), second, place)


def lost(watch: Watch, at_us: int, place: Place) -> Step:
    """End what is open, since nothing was heard after `at_us`."""
    if watch.open is None:
        return replace(watch, recent=()), ()
    return _ended(watch, watch.open, place, "signal_lost", ended_us=at_us, now_us=at_us)


def _raised(watch: Watch, second: Second, place: Place) -> Step:
    first = watch.recent[0]
    scores = [met.score for met in watch.recent if met.score is not None]
    peak_db = max(met.laeq_db for met in watch.recent)
    name = f"{watch.rule.rule}|{watch.rule.version}|{place.device}|{first.session}|{first.start_us}"
    opened = Open(
        alert_id=str(uuid5(NAMESPACE, name)),
        session=first.session,
        onset_us=first.start_us,
        raised_us=second.end_us,
        peak_db=peak_db,
        peak_score=max(scores, default=None),
        active_s=len(watch.recent),
        quiet_s=0,
        quiet_us=0,
        revision=0,
        told_us=second.end_us,
        told_db=peak_db,
    )
    return replace(watch, recent=(), open=opened), (_alert(watch.rule, opened, place, "raised"),)


def _continued(watch: Watch, opened: Open, second: Second, place: Place) -> Step:
    opened = _with_second(watch.rule, opened, second)
    if opened.quiet_s >= watch.rule.off_seconds:
        return _ended(
            watch, opened, place, "cleared", ended_us=opened.quiet_us, now_us=second.end_us
        )
    if second.end_us - opened.onset_us >= watch.rule.max_duration_s * SECOND_US:
        return _ended(
            watch, opened, place, "max_duration", ended_us=second.end_us, now_us=second.end_us
        )
    louder = opened.peak_db >= opened.told_db + UPDATE_DB
    if not louder and second.end_us < opened.told_us + UPDATE_US:
        return replace(watch, open=opened), ()
    told = opened._replace(
        revision=opened.revision + 1, told_us=second.end_us, told_db=opened.peak_db
    )
    return replace(watch, open=told), (_alert(watch.rule, told, place, "updated"),)


def _with_second(rule: Rule, opened: Open, second: Second) -> Open:
    value, on, off = _measured(rule, second)
    if value < off:
        quiet_us = opened.quiet_us if opened.quiet_s else second.start_us
        return opened._replace(quiet_s=opened.quiet_s + 1, quiet_us=quiet_us)
    if value < on:
        return opened._replace(quiet_s=0)
    score = _score(rule, value)
    return opened._replace(
        quiet_s=0,
        active_s=opened.active_s + 1,
        peak_db=max(opened.peak_db, second.levels_db[0]),
        peak_score=score if opened.peak_score is None else max(opened.peak_score, score or 0),
    )


def _ended(
    watch: Watch, opened: Open, place: Place, reason: EndReason, *, ended_us: int, now_us: int
) -> Step:
    last = opened._replace(revision=opened.revision + 1)
    alert = _alert(watch.rule, last, place, "cleared").model_copy(
        update={"ended_at": moment(ended_us), "end_reason": reason}
    )
    silent_until_us = now_us + watch.rule.cooldown_s * SECOND_US
    return Watch(rule=watch.rule, silent_until_us=silent_until_us), (alert,)


def _measured(rule: Rule, second: Second) -> tuple[float, float, float]:
    """Value of a second for a rule, with the values at which it counts for and against."""
    if isinstance(rule, LabelRule):
        return second.scores.get(rule.label, 0), rule.on_score, rule.off_score
    if second.overload:  # louder than the microphone can tell
        return float("inf"), rule.on_db, rule.off_db
    return second.levels_db[LEVEL_FIELDS.index(rule.level)], rule.on_db, rule.off_db


def _score(rule: Rule, value: float) -> int | None:
    return int(value) if isinstance(rule, LabelRule) else None


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
        active_s=opened.active_s,
        historical=False,
    )
