-- Indicators read the windows of the devices and dates that are asked for, no others; and a device
-- that moves keeps the correction of each site for what it has heard there.

CREATE TABLE stand (
    device               text NOT NULL,
    site                 text NOT NULL,
    facade_correction_db real NOT NULL,                  -- added to levels that it measures there
    PRIMARY KEY (device, site)
);

INSERT INTO stand SELECT device, site, facade_correction_db FROM device;

-- Quarters and hours with the part of the day in which they begin, by the site's clock. A part of
-- the day belongs to the date on which it begins: a night also after midnight. Site and correction
-- are those of where the device was then. OFFSET 0: the clock is looked at once for each window.
CREATE OR REPLACE VIEW period_window AS
SELECT w.device, w.site, w.length_s, w.started_at, w.coverage_s,
       w.laeq_db + facade.db AS laeq_db, w.l10_db + facade.db AS l10_db,
       w.l50_db + facade.db AS l50_db, w.l90_db + facade.db AS l90_db,
       w.lafmax_db + facade.db AS lafmax_db,
       w.calibration IS NOT NULL AS calibrated,
       part.period, part.date,
       CASE WHEN w.calibration IS NOT NULL THEN CASE part.period WHEN 'day' THEN s.limit_day_db
           WHEN 'evening' THEN s.limit_evening_db ELSE s.limit_night_db END END AS limit_db
FROM level_window w
JOIN device d USING (device)
JOIN site s ON s.site = w.site
LEFT JOIN stand ON stand.device = w.device AND stand.site = w.site
CROSS JOIN LATERAL (
    SELECT coalesce(stand.facade_correction_db, d.facade_correction_db) AS db
) AS facade
CROSS JOIN LATERAL (SELECT w.started_at AT TIME ZONE s.time_zone AS at OFFSET 0) AS clock
CROSS JOIN LATERAL (
    SELECT period_of(clock.at::time, s.day_starts, s.evening_starts, s.night_starts) AS period
    OFFSET 0
) AS now
CROSS JOIN LATERAL (
    SELECT now.period, clock.at::date - CASE WHEN clock.at::time < CASE now.period
        WHEN 'day' THEN s.day_starts WHEN 'evening' THEN s.evening_starts ELSE s.night_starts END
        THEN 1 ELSE 0 END AS date
    OFFSET 0
) AS part
WHERE w.length_s IN (900, 3600);

-- Levels of day, evening and night of each date, from quarters weighted by their seconds. The wide
-- span is for the index: dates are computed. Put into the query that uses it, like those below.
CREATE FUNCTION indicator_periods(of_device text, first date, last date)
RETURNS TABLE (
    device text, site text, date date, period text, calibrated boolean, laeq_db double precision,
    coverage double precision, limit_db real, exceeds boolean, clock_h double precision
) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT quarters.device, quarters.site, quarters.date, quarters.period, quarters.calibrated,
       quarters.laeq_db, quarters.coverage_s / extract(epoch FROM span.ends - span.begins)::float8,
       quarters.limit_db, quarters.laeq_db > quarters.limit_db, span.clock_h
FROM (
    SELECT w.device, w.site, w.date, w.period, w.calibrated, sum(w.coverage_s) AS coverage_s,
           10 * log(sum(w.coverage_s * power(10::float8, w.laeq_db / 10)) / sum(w.coverage_s))
               AS laeq_db,
           max(w.limit_db) AS limit_db
    FROM period_window w
    WHERE w.device = of_device AND w.length_s = 900 AND w.date BETWEEN first AND last
        AND w.started_at >= (first - 2)::timestamp AT TIME ZONE 'UTC'
        AND w.started_at < (last + 3)::timestamp AT TIME ZONE 'UTC'
    GROUP BY w.device, w.site, w.date, w.period, w.calibrated
) AS quarters
JOIN site s USING (site)
CROSS JOIN LATERAL (
    SELECT CASE quarters.period WHEN 'day' THEN s.day_starts WHEN 'evening' THEN s.evening_starts
           ELSE s.night_starts END AS starts,
           CASE quarters.period WHEN 'day' THEN s.evening_starts WHEN 'evening' THEN s.night_starts
           ELSE s.day_starts END AS stops
) AS part
CROSS JOIN LATERAL (
    SELECT (quarters.date + part.starts) AT TIME ZONE s.time_zone AS begins,
           (quarters.date + CASE WHEN part.stops <= part.starts THEN 1 ELSE 0 END + part.stops)
               AT TIME ZONE s.time_zone AS ends,
           (extract(epoch FROM part.stops - part.starts)::float8 / 3600
               + CASE WHEN part.stops <= part.starts THEN 24 ELSE 0 END) AS clock_h
) AS span;
END;

-- Lden (2002/49/EC): evenings count 5 dB more, nights 10 dB. Its weights are hours by the clock,
-- also on days of 23 or 25 hours. Null unless day, evening and night were all heard.
CREATE FUNCTION indicator_days(of_device text, first date, last date)
RETURNS TABLE (
    device text, site text, date date, calibrated boolean, ld_db double precision,
    le_db double precision, ln_db double precision, lden_db double precision,
    day_coverage double precision, evening_coverage double precision,
    night_coverage double precision, hours_over_limit integer
) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT p.device, p.site, p.date, p.calibrated,
       max(p.laeq_db) FILTER (WHERE p.period = 'day'),
       max(p.laeq_db) FILTER (WHERE p.period = 'evening'),
       max(p.laeq_db) FILTER (WHERE p.period = 'night'),
       CASE WHEN count(*) = 3 THEN 10 * log(sum(p.clock_h * power(10::float8,
           (p.laeq_db + CASE p.period WHEN 'evening' THEN 5 WHEN 'night' THEN 10 ELSE 0 END) / 10))
           / 24) END,
       max(p.coverage) FILTER (WHERE p.period = 'day'),
       max(p.coverage) FILTER (WHERE p.period = 'evening'),
       max(p.coverage) FILTER (WHERE p.period = 'night'),
       coalesce(max(loud.hours), 0)::integer
FROM indicator_periods(of_device, first, last) AS p
LEFT JOIN (
    SELECT h.device, h.site, h.date, h.calibrated, count(*) AS hours
    FROM indicator_hour h
    WHERE h.device = of_device AND h.exceeds AND h.date BETWEEN first AND last
        AND h.started_at >= (first - 2)::timestamp AT TIME ZONE 'UTC'
        AND h.started_at < (last + 3)::timestamp AT TIME ZONE 'UTC'
    GROUP BY h.device, h.site, h.date, h.calibrated
) AS loud USING (device, site, date, calibrated)
GROUP BY p.device, p.site, p.date, p.calibrated;
END;

-- the same of all devices, at all times
CREATE OR REPLACE VIEW indicator_period AS
SELECT p.* FROM device d
CROSS JOIN LATERAL indicator_periods(d.device, '-infinity', 'infinity') AS p;

CREATE OR REPLACE VIEW indicator_day AS
SELECT p.* FROM device d
CROSS JOIN LATERAL indicator_days(d.device, '-infinity', 'infinity') AS p;

-- rights -------------------------------------------------------------------------------------------

GRANT SELECT ON stand TO cityhum_reader;
