"""What is on each dashboard. Metrics are declared in schemas/metrics.py."""

from collections.abc import Sequence
from typing import Final

from deploy.grafana.panels import Dashboard, Panel, Query, stat


def _quantile(quantile: float, metric: str, by: str = "", span: str = "5m") -> str:
    kept = f"{by}, le" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({kept}) (rate({metric}_bucket[{span}])))"


def _quantiles(metric: str, by: str) -> Sequence[Query]:
    named = f"{{{{{by}}}}}"
    return [Query(_quantile(q, metric, by), f"{named} {told}") for q, told in _SHOWN]


_SHOWN: Final = ((0.5, "half"), (0.99, "99 %"))

_STREAM: Final = (
    stat("Processes down", "That Prometheus gets no answer from.",
         'count(up{job="cityhum"} == 0) or vector(0)', bad=1),
    stat("Parts not ready", "Servers or work that a process misses: its /health/ready.",
         "count(cityhum_part_ready == 0) or vector(0)", bad=1),
    stat("Alerts ringing", "See the runbook.",
         'count(ALERTS{alertstate="firing"}) or vector(0)', bad=1),
    stat("Stored", "Readings a second that archive takes.",
         'sum(rate(cityhum_applied_readings_total{program="archive"}[5m]))',
         unit="suffix: /s", bad=None),
    stat("Stored after, 99 %", "From the sound to the committed row.",
         "max(cityhum:stored_delay_seconds:p99)", unit="s", bad=60),
    stat("Alerts after, 99 %", "From the sound to the target.",
         "max(cityhum:alert_delay_seconds:p99)", unit="s", bad=30),
    stat("Behind", "Records of Kafka that are still to be taken.",
         "sum(cityhum_lag_records)", bad=1000),
    stat("Dead letters, 1 h", "Messages that could not be taken; each was kept.",
         "sum(increase(cityhum_dead_letters_total[1h]))", bad=40),
    Panel("Messages", "What the bridge has settled, and what it put into Kafka.", [
        Query("sum(rate(cityhum_received_messages_total[5m]))", "received"),
        Query("sum by (stream) (rate(cityhum_forwarded_messages_total[5m]))", "{{stream}}"),
    ], "suffix: /s"),
    Panel("Readings", "What each program has applied; all should be alike.", [
        Query("sum(rate(cityhum_acknowledged_readings_total[5m]))", "acknowledged"),
        Query("sum by (program) (rate(cityhum_applied_readings_total[5m]))", "{{program}}"),
    ], "suffix: /s"),
    Panel("Behind", "Records to be taken. Rising for long: start another worker.",
          [Query("sum by (program) (cityhum_lag_records)", "{{program}}")], bad_above=1000),
    Panel("From sound to row", "The oldest second of each batch, until its commit.",
          _quantiles("cityhum_stored_delay_seconds", "program"), "s", bad_above=60),
    Panel("From MQTT to Kafka", "From a message's arrival until it is acknowledged.", [
        Query(_quantile(q, "cityhum_settle_seconds"), told) for q, told in _SHOWN
    ], "s"),
    Panel("Transactions", "How long they take; waits for PostgreSQL included.",
          _quantiles("cityhum_commit_seconds", "program"), "s", bad_above=2.5),
    Panel("From sound to alert", "Until a target had it.",
          _quantiles("cityhum_alert_delay_seconds", "target"), "s", bad_above=30),
    Panel("To be delivered", "Age of the oldest outbox message of each target.", [
        Query("max by (target) (cityhum_undelivered_age_seconds)", "{{target}}"),
    ], "s", bad_above=60),
    Panel("Outbox", "What targets got, a second, and what they do not have yet.", [
        Query("sum by (target) (rate(cityhum_delivered_total[5m]))", "{{target}}"),
        Query("max by (target) (cityhum_undelivered_messages)", "{{target}}, to come"),
    ]),
    Panel("Told people and webhooks", "Tries by outcome; dead: given up.", [
        Query("sum by (target, outcome) (increase(cityhum_notified_total[1h]))",
              "{{target}} {{outcome}}"),
    ]),
    Panel("Dead letters", "By reason, in 15 minutes.", [
        Query("sum by (reason) (increase(cityhum_dead_letters_total[15m]))", "{{reason}}"),
    ], bad_above=10),
    Panel("Too fast", "Messages of devices that send faster than they may, in 15 minutes.", [
        Query("sum by (turn) (increase(cityhum_paced_messages_total[15m]))", "{{turn}}"),
    ]),
    Panel("Partitions behind", "The five that are furthest behind.", [
        Query("topk(5, cityhum_lag_records)", "{{program}} {{topic}}/{{partition}}"),
    ]),
    Panel("Parts", "1 is ready; what /health/ready says, over time.", [
        Query("min by (process, part) (cityhum_part_ready)", "{{process}} {{part}}"),
    ], kind="state-timeline", width=24, height=10),
    Panel("CPU", "Cores in use, by process.", [
        Query('sum by (process) (rate(process_cpu_seconds_total{job="cityhum"}[5m]))',
              "{{process}}"),
    ]),
    Panel("Memory", "Resident, by process.", [
        Query('sum by (process) (process_resident_memory_bytes{job="cityhum"})', "{{process}}"),
    ], "bytes"),
    Panel("Loops", "How late an event loop wakes up: what blocks it.", [
        Query(_quantile(0.99, "cityhum_loop_late_seconds", "process"), "{{process}}"),
    ], "s"),
    Panel("API: requests", "Answers by status.", [
        Query("sum by (status) (rate(cityhum_requests_total[5m]))", "{{status}}"),
    ], "suffix: /s"),
    Panel("API: time to answer", "99 % of each route begin within.", [
        Query(_quantile(0.99, "cityhum_request_seconds", "route"), "{{route}}"),
    ], "s"),
    Panel("Database", "Its size.", [Query("max(cityhum_database_bytes)", "bytes")], "bytes"),
    Panel("Disks", "How much is free, of each server's.", [
        Query("node_filesystem_avail_bytes / node_filesystem_size_bytes",
              "{{instance}} {{mountpoint}}"),
    ], "percentunit"),
    Panel("Newest backup", "Its age.", [
        Query("time() - max(cityhum_backup_timestamp_seconds)", "age"),
    ], "s", bad_above=129_600),
    Panel("Replays", "By state.", [Query("max by (state) (cityhum_replays)", "{{state}}")]),
    Panel("Replayed", "Readings that the replays that run have heard so far.", [
        Query("max(cityhum_replayed_readings)", "readings"),
    ]),
    Panel("Commits", "Transactions a second.", [
        Query("sum by (program) (rate(cityhum_commits_total[5m]))", "{{program}}"),
    ], "suffix: /s"),
)  # fmt: skip

_DEVICES: Final = (
    stat("Online", "Devices with a connection.",
         'max(cityhum_devices{state="online"})', bad=None),
    stat("Offline", "Without one, but heard of within 2 h.",
         'max(cityhum_devices{state="offline"})', bad=None),
    stat("Lost", "Nothing heard for 2 h.", 'max(cityhum_devices{state="lost"})', bad=1),
    stat("Never heard of", "In the sites file, but never seen.",
         'max(cityhum_devices{state="never"})', bad=None),
    stat("Mute", "Online, without readings of the last 10 minutes.",
         'max(cityhum_devices_in_trouble{trouble="mute"})', bad=1),
    stat("Clock not set", "Their readings are marked.",
         'max(cityhum_devices_in_trouble{trouble="clock"})', bad=1),
    stat("Not calibrated", "Their levels are relative to full scale.",
         'max(cityhum_devices_in_trouble{trouble="calibration"})', bad=None),
    stat("Longest spool", "Age of the oldest reading that a device holds back.",
         'max(cityhum_spooled_readings{quantile="1"})', unit="s", bad=3600),
    Panel("Devices", "All at once: ours. A few: theirs.", [
        Query("max by (state) (cityhum_devices)", "{{state}}"),
    ], width=12),
    Panel("Trouble", "What newest statuses complain of.", [
        Query("max by (trouble) (cityhum_devices_in_trouble)", "{{trouble}}"),
    ], width=12),
    Panel("Spools", "Readings, that is seconds, held back: quantiles of all devices.", [
        Query("max by (quantile) (cityhum_spooled_readings)", "{{quantile}}"),
    ], "s", bad_above=3600),
    Panel("Readings missing", "Gaps, of all time; what is still on devices comes.", [
        Query('max(cityhum_account_readings{state="missing"})', "missing"),
        Query('max(cityhum_account_readings{state="dropped"})', "dropped by devices"),
    ]),
    Panel("Readings twice", "Came again and were not counted, in an hour.", [
        Query('max(delta(cityhum_account_readings{state="duplicate"}[1h]))', "duplicate"),
        Query('max(delta(cityhum_account_readings{state="overlapping"}[1h]))', "overlapping"),
        Query('max(delta(cityhum_account_readings{state="off_clock"}[1h]))', "off clock"),
    ]),
    Panel("Acknowledged", "Readings a second that devices may forget.", [
        Query("sum(rate(cityhum_acknowledged_readings_total[5m]))", "readings"),
    ], "suffix: /s"),
    Panel("Refused", "Messages that no device should send, in 15 minutes.", [
        Query("sum by (reason) (increase(cityhum_dead_letters_total[15m]))", "{{reason}}"),
    ]),
    Panel("Statuses", "A minute apart for each device that is online.", [
        Query('sum(rate(cityhum_forwarded_messages_total{stream="status"}[5m]))', "statuses"),
    ], "suffix: /s"),
)  # fmt: skip

_HEARING: Final = (
    stat("Heard", "Seconds of sound a second: one for each device with mel frames.",
         "sum(rate(cityhum_heard_seconds_total[5m]))", unit="suffix: /s", bad=None),
    stat("Busy", "Share of its time that the busiest classify spends in the model.",
         "max(rate(cityhum_model_seconds_sum[5m]))", unit="percentunit", bad=0.9),
    stat("Call, 99 %", "One call of the model, up to 64 patches.",
         _quantile(0.99, "cityhum_model_seconds"), unit="s", bad=1),
    stat("Greatest drift", "PSI of a label's scores, the last day against the week before.",
         "max(last_over_time(cityhum:score_drift:1d[1h]))", bad=0.25),
    stat("Behind", "Records that classify has to take.",
         'sum(cityhum_lag_records{program="classify"})', bad=1000),
    stat("Active now", "Share of seconds with any label's score at its threshold or above.",
         'sum(rate(cityhum_scores_total{hundreds=~"[5-9]"}[5m]))'
         " / sum(rate(cityhum_heard_seconds_total[5m]))", unit="percentunit", bad=None),
    Panel("What is heard", "Share of seconds in which a label is active, of an hour.", [
        Query('sum by (label) (increase(cityhum_scores_total{hundreds=~"[5-9]"}[1h]))'
              " / on (label) sum by (label) (increase(cityhum_scores_total[1h]))", "{{label}}"),
    ], "percentunit", width=24, height=9),
    Panel("Drift", "PSI: above 0.1 look, above 0.25 another city, model or microphone.", [
        Query("last_over_time(cityhum:score_drift:1d[1h])", "{{label}}"),
    ], width=12, bad_above=0.25),
    Panel("Scores near the threshold", "Share of active seconds that are barely so (500 to 599).", [
        Query('sum by (label) (increase(cityhum_scores_total{hundreds="5"}[6h]))'
              " / on (label) sum by (label)"
              ' (increase(cityhum_scores_total{hundreds=~"[5-9]"}[6h]))',
              "{{label}}"),
    ], "percentunit", width=12),
    Panel("Scores of now", "Seconds of the last hour by the hundreds of their score, all labels.", [
        Query('sum by (hundreds) (increase(cityhum_scores_total{hundreds!="0"}[1h]))',
              "{{hundreds}}00"),
    ], kind="bargauge", width=12),
    Panel("The model's time", "One call, and the share of time spent in calls.", [
        Query(_quantile(0.5, "cityhum_model_seconds"), "half of the calls"),
        Query(_quantile(0.99, "cityhum_model_seconds"), "99 %"),
    ], "s", width=12),
)  # fmt: skip

DASHBOARDS: Final = (
    Dashboard("stream", "From the bridge to rows and alerts.", _STREAM),
    Dashboard("devices", "How many are well; the dashboard of cityhum says which.", _DEVICES),
    Dashboard("hearing", "What the model tells, and whether it changes.", _HEARING),
)
