-- Windows that merge, the own levels of sources, the account of readings, indicators.

-- decibels have two digits after the point: half the bytes do
ALTER TABLE level_window
    ALTER laeq_db TYPE real, ALTER lceq_db TYPE real, ALTER lzeq_db TYPE real,
    ALTER lafmax_db TYPE real, ALTER lasmax_db TYPE real, ALTER lcpeak_db TYPE real,
    ALTER l10_db TYPE real, ALTER l50_db TYPE real, ALTER l90_db TYPE real,
    ADD sums bytea;                                      -- what larger windows are merged from

ALTER TABLE label_window
    ALTER laeq_active_db TYPE real,
    ADD events              integer NOT NULL DEFAULT 0,  -- runs of active seconds that begin in it
    ADD source_leq_db       real,                        -- its own level in its active seconds
    ADD source_leq_upper_db real,                        -- where that is null: what it cannot exceed
    ADD energy_share        real NOT NULL DEFAULT 0;     -- of all the window's energy

-- what became of a device's readings
CREATE TABLE ledger (
    device      text PRIMARY KEY,
    sessions    integer NOT NULL,
    counted     bigint NOT NULL,
    missing     bigint NOT NULL,                         -- below a session's newest, not here yet
    duplicates  bigint NOT NULL,
    off_clock   bigint NOT NULL,                         -- a time that cannot be: not folded
    overlapping bigint NOT NULL,                         -- while another session was heard
    newest_at   timestamptz NOT NULL,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- whose energy a window's is; what is missing to 1 is background
CREATE VIEW origin_window AS
SELECT device, length_s, started_at, origin,
       sum(energy_share)::real AS energy_share, max(active_s) AS least_active_s,
       sum(events)::integer AS events
FROM label_window
GROUP BY device, length_s, started_at, origin;

-- indicators: the same as processors/indicators.py -------------------------------------------------

-- Day, evening or night: each ends where the next begins, wherever on the clock that is.
CREATE FUNCTION period_of(at time, day_starts time, evening_starts time, night_starts time)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN at - day_starts + CASE WHEN at < day_starts THEN interval '24 h' ELSE '0' END
            < evening_starts - day_starts
              + CASE WHEN evening_starts < day_starts THEN interval '24 h' ELSE '0' END
        THEN 'day'
        WHEN at - day_starts + CASE WHEN at < day_starts THEN interval '24 h' ELSE '0' END
            < night_starts - day_starts
              + CASE WHEN night_starts < day_starts THEN interval '24 h' ELSE '0' END
        THEN 'evening'
        ELSE 'night'
    END
$$;

-- Quarters and hours with the part of the day in which they begin, by the site's clock. A part of
-- the day belongs to the date on which it begins: a night also after midnight.
CREATE VIEW period_window AS
SELECT w.device, w.site, w.length_s, w.started_at, w.coverage_s,
       w.laeq_db + d.facade_correction_db AS laeq_db, w.l10_db + d.facade_correction_db AS l10_db,
       w.l50_db + d.facade_correction_db AS l50_db, w.l90_db + d.facade_correction_db AS l90_db,
       w.lafmax_db + d.facade_correction_db AS lafmax_db,
       w.calibration IS NOT NULL AS calibrated,
       part.period,
       clock.date - CASE WHEN part.starts > clock.at THEN 1 ELSE 0 END AS date,
       CASE WHEN w.calibration IS NOT NULL THEN part.limit_db END AS limit_db
FROM level_window w
JOIN device d USING (device)
JOIN site s ON s.site = d.site
CROSS JOIN LATERAL (
    SELECT (w.started_at AT TIME ZONE s.time_zone)::date AS date,
           (w.started_at AT TIME ZONE s.time_zone)::time AS at
) AS clock
JOIN LATERAL (
    VALUES ('day', s.day_starts, s.limit_day_db), ('evening', s.evening_starts, s.limit_evening_db),
           ('night', s.night_starts, s.limit_night_db)
) AS part (period, starts, limit_db)
    ON part.period = period_of(clock.at, s.day_starts, s.evening_starts, s.night_starts)
WHERE w.length_s IN (900, 3600);

CREATE VIEW indicator_hour AS
SELECT device, site, date, period, started_at, laeq_db, l10_db, l50_db, l90_db, lafmax_db,
       coverage_s / 3600.0::float8 AS coverage, calibrated, limit_db, laeq_db > limit_db AS exceeds
FROM period_window WHERE length_s = 3600;

-- Levels of day, evening and night of each date, from quarters weighted by their seconds.
CREATE VIEW indicator_period AS
SELECT quarters.device, quarters.site, quarters.date, quarters.period, quarters.calibrated,
       quarters.laeq_db, quarters.coverage_s / extract(epoch FROM span.ends - span.begins)::float8
           AS coverage,
       quarters.limit_db, quarters.laeq_db > quarters.limit_db AS exceeds,
       span.clock_h
FROM (
    SELECT device, site, date, period, calibrated, sum(coverage_s) AS coverage_s,
           10 * log(sum(coverage_s * power(10::float8, laeq_db / 10)) / sum(coverage_s)) AS laeq_db,
           max(limit_db) AS limit_db
    FROM period_window WHERE length_s = 900
    GROUP BY device, site, date, period, calibrated
) AS quarters
JOIN site s USING (site)
CROSS JOIN LATERAL (
    SELECT CASE period WHEN 'day' THEN s.day_starts WHEN 'evening' THEN s.evening_starts
           ELSE s.night_starts END AS starts,
           CASE period WHEN 'day' THEN s.evening_starts WHEN 'evening' THEN s.night_starts
           ELSE s.day_starts END AS stops
) AS part
CROSS JOIN LATERAL (
    SELECT (date + part.starts) AT TIME ZONE s.time_zone AS begins,
           (date + CASE WHEN part.stops <= part.starts THEN 1 ELSE 0 END + part.stops)
               AT TIME ZONE s.time_zone AS ends,
           (extract(epoch FROM part.stops - part.starts)::float8 / 3600
               + CASE WHEN part.stops <= part.starts THEN 24 ELSE 0 END) AS clock_h
) AS span;

-- Lden (2002/49/EC): evenings count 5 dB more, nights 10 dB. Its weights are hours by the clock,
-- also on days of 23 or 25 hours. Null unless day, evening and night were all heard.
CREATE VIEW indicator_day AS
SELECT p.device, p.site, p.date, p.calibrated,
       max(p.laeq_db) FILTER (WHERE period = 'day') AS ld_db,
       max(p.laeq_db) FILTER (WHERE period = 'evening') AS le_db,
       max(p.laeq_db) FILTER (WHERE period = 'night') AS ln_db,
       CASE WHEN count(*) = 3 THEN 10 * log(sum(clock_h * power(10::float8,
           (p.laeq_db + CASE period WHEN 'evening' THEN 5 WHEN 'night' THEN 10 ELSE 0 END) / 10))
           / 24) END AS lden_db,
       max(p.coverage) FILTER (WHERE period = 'day') AS day_coverage,
       max(p.coverage) FILTER (WHERE period = 'evening') AS evening_coverage,
       max(p.coverage) FILTER (WHERE period = 'night') AS night_coverage,
       coalesce(max(loud.hours), 0)::integer AS hours_over_limit
FROM indicator_period p
LEFT JOIN (
    SELECT device, date, calibrated, count(*) AS hours FROM indicator_hour WHERE exceeds
    GROUP BY device, date, calibrated
) AS loud USING (device, date, calibrated)
GROUP BY p.device, p.site, p.date, p.calibrated;

-- rights -------------------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE ON ledger TO cityhum_writer;
GRANT SELECT ON origin_window, period_window, indicator_hour, indicator_period, indicator_day
    TO cityhum_writer, cityhum_reader;
GRANT SELECT ON ledger TO cityhum_reader;
