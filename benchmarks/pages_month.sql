-- A month as the processors would have written it, made where it is kept. The temporary table
-- `month` says from when to when, from when 10 s rows are kept, and from when seconds are.

CREATE TEMPORARY TABLE street AS
SELECT device.device, site.site, site.time_zone, street,
       row_number() OVER (ORDER BY device.device) AS number,
       CASE street WHEN 'busy' THEN 66 WHEN 'harbour' THEN 61 WHEN 'side' THEN 57 ELSE 52 END AS base_db,
       CASE WHEN device.device <> 'pole-19' THEN '2026-04-01a' END AS calibration
FROM device JOIN site USING (site);

CREATE TEMPORARY TABLE outage AS
SELECT device, fate.at AS begins, fate.at + make_interval(mins => (10 + 60 * random())::integer) AS ends
FROM street CROSS JOIN month CROSS JOIN generate_series(1, 5) AS n
CROSS JOIN LATERAL (
    -- what the row is must be in it: else one chance serves all rows
    SELECT begins + random() * (month.ends - begins) + number * interval '0 s' + n * interval '0 s' AS at
) AS fate
UNION ALL
SELECT 'pole-07', begins + interval '11 days 5 hours', begins + interval '13 days 9 hours' FROM month;

-- how loud it is at an hour of the day, beside the street's own level
CREATE FUNCTION pg_temp.daily_db(at time) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT 4.5 * sin((extract(epoch FROM at) / 3600 - 8) / 24 * 2 * pi())
         + 2.0 * sin((extract(epoch FROM at) / 3600 - 5) / 12 * 2 * pi())
$$;

CREATE TEMPORARY TABLE slot AS
SELECT length_s, started_at FROM month
CROSS JOIN (VALUES (10), (60), (900), (3600)) AS lengths (length_s)
CROSS JOIN LATERAL generate_series(
    date_trunc('hour', CASE WHEN length_s = 10 THEN base_begins ELSE begins END),
    ends - make_interval(secs => length_s), make_interval(secs => length_s)
) AS started_at;

ALTER TABLE level_window DROP CONSTRAINT level_window_pkey;
DROP INDEX level_window_by_time;
INSERT INTO level_window (
    site, device, length_s, started_at, calibration, laeq_db, lceq_db, lzeq_db, lafmax_db,
    lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s, floor_s, final)
SELECT site, device, length_s, started_at, calibration, level, level + 4, level + 5,
       level + 7 + 6 * random(), level + 5, level + 20, level + 2 + random(), level - 2,
       level - 5 - 2 * random(), length_s, 0, 0, true
FROM (
    SELECT slot.length_s, slot.started_at, street.*,
           base_db + pg_temp.daily_db((started_at AT TIME ZONE time_zone)::time)
               + (random() + random() - 1) * CASE length_s WHEN 10 THEN 8 WHEN 60 THEN 5 ELSE 3 END
               AS level
    FROM slot CROSS JOIN street
) AS heard;
INSERT INTO level_window (
    site, device, length_s, started_at, calibration, laeq_db, lceq_db, lzeq_db, lafmax_db,
    lasmax_db, lcpeak_db, l10_db, l50_db, l90_db, coverage_s, overload_s, floor_s, final)
SELECT site, device, 86400, day AT TIME ZONE time_zone, calibration, level, level + 4, level + 5,
       level + 20, level + 18, level + 35, level + 3, level - 3, level - 11, 86400, 0, 0, true
FROM street CROSS JOIN month
CROSS JOIN LATERAL generate_series(
    date_trunc('day', begins AT TIME ZONE time_zone), ends AT TIME ZONE time_zone, interval '1 day'
) AS day
CROSS JOIN LATERAL (
    SELECT base_db + 1 + 2 * random() + 0 * extract(day FROM day)::float8 AS level
) AS heard;
ALTER TABLE level_window ADD PRIMARY KEY (device, length_s, started_at);
CREATE INDEX level_window_by_time ON level_window (length_s, started_at);

DELETE FROM level_window AS w USING outage
WHERE w.device = outage.device AND w.started_at >= outage.begins
  AND w.started_at + w.length_s * interval '1 s' <= outage.ends;
UPDATE level_window AS w
SET coverage_s = w.length_s - extract(epoch FROM
    least(w.started_at + w.length_s * interval '1 s', outage.ends)
    - greatest(w.started_at, outage.begins))
FROM outage
WHERE w.device = outage.device AND w.length_s >= 60 AND w.started_at < outage.ends
  AND w.started_at + w.length_s * interval '1 s' > outage.begins;

ALTER TABLE label_window DROP CONSTRAINT label_window_pkey;
INSERT INTO label_window (
    device, length_s, started_at, label, origin, active_s, mean_score, max_score, laeq_active_db,
    events, source_leq_db, energy_share)
SELECT device, length_s, started_at, label, origin, greatest(1, coverage_s * share * random()),
       600 + 200 * random(), 800 + 199 * random(), laeq_db + 2, 1 + length_s / 90 * share,
       laeq_db + louder_db + 6 * random() - 8, share * random() / 2
FROM level_window JOIN street USING (device)
CROSS JOIN (VALUES
    ('traffic', 'technogenic', 0.9, 0.8, 6, 24, 2), ('engine_idling', 'technogenic', 0.2, 0.3, 5, 23, 1),
    ('siren', 'technogenic', 0.004, 0.2, 0, 24, 14), ('jackhammer', 'technogenic', 0.02, 0.4, 8, 17, 12),
    ('birds', 'natural', 0.45, 0.4, 4, 20, -6), ('wind', 'natural', 0.15, 0.3, 0, 24, -4),
    ('dog_bark', 'natural', 0.03, 0.1, 7, 22, 6), ('speech', 'human', 0.25, 0.3, 7, 24, -1),
    ('children_playing', 'human', 0.08, 0.3, 9, 19, 1)
) AS sound (label, origin, chance, share, from_h, to_h, louder_db)
WHERE random() < CASE length_s WHEN 10 THEN chance WHEN 60 THEN chance * 1.1
                 WHEN 900 THEN chance * 1.6 ELSE 0.3 + chance END
  AND (length_s > 3600 OR extract(hour FROM started_at AT TIME ZONE time_zone) BETWEEN from_h AND to_h)
  AND NOT (street = 'park' AND label IN ('engine_idling', 'jackhammer'));
ALTER TABLE label_window ADD PRIMARY KEY (device, length_s, started_at, label);

INSERT INTO reading (
    device, session, seq, started_at, received_at, written_at, clock, calibration, laeq_1s_db,
    lceq_1s_db, lzeq_1s_db, lafmax_db, lasmax_db, lcpeak_db, overload, floor, third_octaves_db,
    model, labels, scores)
SELECT device, '01JB0000000000000000000000', extract(epoch FROM at), at, at + interval '1.1 s',
       at + interval '1.4 s', 'synced', calibration, level, level + 4, level + 5, level + 4, level + 3,
       level + 18, false, false,
       (SELECT array_agg(level - 8 - abs(band - 12) + 3 * random())
        FROM generate_series(1, 25) AS band),
       'street-0.1.0@000000000000', ARRAY['traffic', 'birds'],
       ARRAY[700 + 200 * random(), 420 + 200 * random()]::smallint[]
FROM street CROSS JOIN month
CROSS JOIN LATERAL generate_series(second_begins, seconds_end, interval '1 s') AS at
CROSS JOIN LATERAL (SELECT base_db + 6 * (random() + random() - 1)
    + 5 * sin(extract(epoch FROM at) / 47 + number) AS level) AS heard;

INSERT INTO indices (device, session, first_seq, started_at, aci, adi, aei, bi, h, ndsi)
SELECT device, '01JB0000000000000000000000', extract(epoch FROM started_at), started_at,
       160 + 12 * random(), 2 + 0.4 * random(), 0.3 + 0.2 * random(), 20 + 30 * random(),
       0.7 + 0.1 * random(), 2 * random() - 1
FROM level_window WHERE length_s = 60;

INSERT INTO alert (
    alert_id, revision, state, rule, rule_version, site, device, session, onset_at, raised_at,
    ended_at, end_reason, peak_laeq_1s_db, peak_score, active_s, historical)
SELECT gen_random_uuid(), 2, 'cleared', rule, repeat('0', 12), site, device,
       '01JB0000000000000000000000', at, at + interval '3 s', at + interval '24 s', 'cleared',
       base_db + 14 + 6 * random(), CASE rule WHEN 'siren' THEN 600 + 399 * random() END, 18, false
FROM street CROSS JOIN month CROSS JOIN generate_series(1, 120) AS n
CROSS JOIN (VALUES ('siren'), ('loud')) AS rules (rule)
CROSS JOIN LATERAL (
    SELECT date_trunc('second', begins + random() * (ends - begins) + n * interval '0 s') AS at
) AS fate;
INSERT INTO verdict (alert_id, verdict, said_by)
SELECT alert_id, (ARRAY['true', 'true', 'false', 'unsure'])[1 + floor(4 * random())], 'Ada'
FROM alert WHERE random() < 0.3;

INSERT INTO ledger (device, sessions, counted, missing, duplicates, off_clock, overlapping, newest_at)
SELECT device, 3, 2592000, CASE number WHEN 7 THEN 187200 ELSE 40 END, 25, 0, 0, ends FROM street, month;
UPDATE device SET online = true, session = '01JB0000000000000000000000', status_at = now(),
    status = jsonb_build_object('version', 1, 'online', true, 'agent_version', '0.1.0', 'clock', 'synced',
        'calibration', '2026-04-01a', 'profile', 'mel32x8', 'spooled_readings', 0, 'quarantined', 0,
        'overruns', 0, 'temperature_c', 41.5, 'disk_free_bytes', 21000000000, 'dropped', '[]'::jsonb);
INSERT INTO checkpoint (program, topic, partition, next_offset, cluster_id, epoch)
SELECT program, 'readings.v1', part, 4320000, 'none', 1
FROM (VALUES ('windows'), ('alerts'), ('archive')) AS programs (program), generate_series(0, 11) AS part;
