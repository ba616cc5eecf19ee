-- What alerts say besides: the background that a rule compared with.

ALTER TABLE alert ADD background_db real;                -- null: the rule needs none, or unknown

-- What is open under the first form of the states cannot go on: its end is where it was last heard.
UPDATE alert
SET state = 'cleared', end_reason = 'signal_lost', revision = revision + 1,
    ended_at = greatest(raised_at, onset_at + active_s * interval '1 s'),
    written_at = clock_timestamp()
WHERE ended_at IS NULL;

-- the newest of a rule on a device, and what lies beside a span
CREATE INDEX alert_of_device ON alert (device, rule, onset_at);
