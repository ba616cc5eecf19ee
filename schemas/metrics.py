"""Every metric: name, type, unit, labels."""

from prometheus_client import Counter

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
APPLIED_READINGS = Counter(
    "cityhum_applied_readings_total", "Readings that a fold has applied.", ["program"]
)
COMMITS = Counter("cityhum_commits_total", "Transactions of a fold.", ["program"])
DELIVERED = Counter("cityhum_delivered_total", "Outbox messages delivered.", ["target"])
NOTIFIED = Counter(
    "cityhum_notified_total",
    "Tries to tell webhooks and people of an alert: delivered, failed, dead (given up).",
    ["target", "outcome"],
)
RULE_FILES = Counter(
    "cityhum_rule_files_total",
    "Changed rule files that running processors have taken or refused.",
    ["outcome"],
)
