"""Every metric: name, type, unit, labels. Nothing else declares one.

No label is a device: twenty thousand devices are counted here, and looked at in the dashboard.
Alert rules and Grafana's panels name these, and a test compares (`docs/observation.md`).
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SHORT_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG_S: Final = (0.5, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 60, 120, 300, 900, 3600, 14_400, 86_400)

# every process -------------------------------------------------------------------------------

PART_READY = Gauge(
    "cityhum_part_ready", "1 if a server it needs, or the work it owns, said so last.", ["part"]
)
LOOP_TURNED = Gauge(
    "cityhum_loop_turned_timestamp_seconds", "When the event loop turned last, of the host's clock."
)
LOOP_LATE_SECONDS = Histogram(
    "cityhum_loop_late_seconds", "How much later than asked the loop woke up.", buckets=_SHORT_S
)
BUILD = Gauge("cityhum_build", "1, with the version that runs.", ["version"])

# bridge --------------------------------------------------------------------------------------

RECEIVED = Counter(
    "cityhum_received_messages_total", "Messages from devices that the bridge has settled."
)
DEAD_LETTERS = Counter(
    "cityhum_dead_letters_total", "Messages that were kept as dead letters.", ["reason"]
)
FORWARDED = Counter(
    "cityhum_forwarded_messages_total", "Messages that the bridge put into Kafka.", ["stream"]
)
ACKNOWLEDGED_READINGS = Counter(
    "cityhum_acknowledged_readings_total", "Readings that the bridge has acknowledged."
)
PACED = Counter(
    "cityhum_paced_messages_total",
    "Messages of devices that were too fast: later (they waited at the bridge), never (dropped"
    " unanswered: who keeps a spool sends them again).",
    ["turn"],
)
CLOCK_SET = Gauge(
    "cityhum_clock_set",
    "1 if a time server has set the clock of the bridge's host: received times rest on it.",
)
SETTLE_SECONDS = Histogram(
    "cityhum_settle_seconds",
    "From a message's arrival at the bridge until Kafka had it; the oldest of each flight.",
    buckets=_SHORT_S,
)

# classify and the folds ----------------------------------------------------------------------

APPLIED_READINGS = Counter(
    "cityhum_applied_readings_total", "Readings that a fold or the model has applied.", ["program"]
)
COMMITS = Counter("cityhum_commits_total", "Transactions of a fold.", ["program"])
COMMIT_SECONDS = Histogram(
    "cityhum_commit_seconds",
    "How long a fold's transaction took, waits for PostgreSQL included.",
    ["program"],
    buckets=_SHORT_S,
)
STORED_DELAY_SECONDS = Histogram(
    "cityhum_stored_delay_seconds",
    "From the end of a second of sound, by the device's clock, until a fold had committed it; the"
    " oldest second of each batch (of many, every n-th), of devices whose clocks are set.",
    ["program"],
    buckets=_LONG_S,
)
LAG_RECORDS = Gauge(
    "cityhum_lag_records",
    "Records of Kafka that a program has not taken yet, of the partitions that it owns.",
    ["program", "topic", "partition"],
)
LOGS_BEGUN_ANEW = Counter(
    "cityhum_logs_begun_anew_total",
    "Partitions that came back from another or an emptied Kafka.",
    ["program"],
)
EXPIRED_RECORDS = Counter(
    "cityhum_expired_records_total",
    "Records that Kafka dropped by age before a program had read them.",
    ["program"],
)
RULE_FILES = Counter(
    "cityhum_rule_files_total",
    "Changed rule files that running processors have taken or refused.",
    ["outcome"],
)
MODEL_SECONDS = Histogram(
    "cityhum_model_seconds", "How long the model took for one call.", buckets=_SHORT_S
)
HEARD_SECONDS = Counter("cityhum_heard_seconds_total", "Seconds of sound that the model heard.")
SCORES = Counter(
    "cityhum_scores_total",
    "Seconds heard, for each label by the hundreds of its score in per mille: 0 is not told, from 5"
    " on it is active.",
    ["label", "hundreds"],
)

# relay and notify ----------------------------------------------------------------------------

DELIVERED = Counter("cityhum_delivered_total", "Outbox messages delivered.", ["target"])
UNDELIVERED = Gauge(
    "cityhum_undelivered_messages", "Outbox messages that a target does not have yet.", ["target"]
)
UNDELIVERED_AGE_SECONDS = Gauge(
    "cityhum_undelivered_age_seconds", "Age of the oldest of them; 0 if there is none.", ["target"]
)
ALERT_DELAY_SECONDS = Histogram(
    "cityhum_alert_delay_seconds",
    "From the second of sound that raised an alert until a target had it.",
    ["target"],
    buckets=_LONG_S,
)
NOTIFIED = Counter(
    "cityhum_notified_total",
    "Tries to tell webhooks and people of an alert: delivered, failed, dead (given up).",
    ["target", "outcome"],
)

# the fleet, as the API reads it from the database now and then ---------------------------------

DEVICES = Gauge(
    "cityhum_devices",
    "Devices of the sites file: online; offline; lost (offline, nothing heard for 2 h); never"
    " (heard of).",
    ["state"],
)
DEVICES_IN_TROUBLE = Gauge(
    "cityhum_devices_in_trouble",
    "Devices by what is wrong: clock, calibration, overruns, quarantine, heat, disk, as their"
    " newest status says; mute: online, but without new readings.",
    ["trouble"],
)
SPOOLED_READINGS = Gauge(
    "cityhum_spooled_readings",
    "Readings that wait on devices, which is also the age of the oldest in seconds; a quantile of"
    " all devices, 1 being the worst.",
    ["quantile"],
)
ACCOUNT_READINGS = Gauge(
    "cityhum_account_readings",
    "The account of all devices' readings: counted; missing (gaps: numbered, never came); duplicate"
    " (came again, not counted); off_clock; overlapping; dropped (thrown away, as newest statuses"
    " say).",
    ["state"],
)
DATABASE_BYTES = Gauge("cityhum_database_bytes", "Size of the database.")
BACKUP_AT = Gauge(
    "cityhum_backup_timestamp_seconds",
    "When the newest backup was made, by `cityhum backup` or WAL archiving; 0 if none ever was.",
)
REPLAYS = Gauge(
    "cityhum_replays", "Replays by state: running, incomplete, complete, promoted.", ["state"]
)
REPLAYED_READINGS = Gauge(
    "cityhum_replayed_readings", "Readings that the replays that run have heard so far."
)

# API -----------------------------------------------------------------------------------------

REQUESTS = Counter("cityhum_requests_total", "Answered requests.", ["route", "status"])
REQUEST_SECONDS = Histogram(
    "cityhum_request_seconds", "How long an answer took to begin.", ["route"], buckets=_SHORT_S
)
