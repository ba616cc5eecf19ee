-- Days end at the midnight of the site where the device was, also those of 23 and 25 hours.

-- The first instant of the next local date: a midnight that comes twice is the first of both, as
-- in processors/window_keys.py. As the owner, since replays may not read sites.
CREATE FUNCTION replay_day_end(of_device text, begins timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN ((midnight - interval '1 h') AT TIME ZONE time_zone)::date = tomorrow
        THEN midnight - interval '1 h' ELSE midnight END
    FROM site
    CROSS JOIN LATERAL (SELECT (begins AT TIME ZONE time_zone)::date + 1 AS tomorrow) AS date
    CROSS JOIN LATERAL (SELECT tomorrow::timestamp AT TIME ZONE time_zone AS midnight) AS clock
    WHERE site.site = coalesce(
        (SELECT w.site FROM level_window w
            WHERE w.device = of_device AND w.length_s = 86400 AND w.started_at = begins),
        (SELECT d.site FROM device d WHERE d.device = of_device))
$$;

-- Where a window ends; a day's length_s is 86400 whatever its length. Without a search path of its
-- own it is put into the query that uses it: a span has millions of windows.
CREATE FUNCTION replay_end(of_device text, length_s integer, started_at timestamptz)
    RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN length_s = 86400 THEN public.replay_day_end(of_device, started_at)
        ELSE started_at + length_s * interval '1 s' END
$$;

REVOKE ALL ON FUNCTION replay_day_end(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replay_day_end(text, timestamptz) TO cityhum_replay, cityhum_reader;

-- Put a replay's rows of its span in place of the live ones. A row that stays the same is not
-- touched; one that changes counts a revision, where its table does.
CREATE OR REPLACE FUNCTION replay_swap(replayed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    shadow text := 'replay_' || replayed;
    asked jsonb;
    devices text[];
    output record;
    inside text;
    revised boolean;
BEGIN
    SELECT request INTO STRICT asked FROM public.replay
        WHERE replay.name = replayed AND state = 'complete' FOR UPDATE;
    SELECT array_agg(one) INTO devices FROM jsonb_array_elements_text(asked -> 'devices') AS one;
    FOR output IN
        SELECT outputs.*, keys, others FROM public.replay_outputs() AS outputs,
            public.replay_columns(outputs.name)
    LOOP
        inside := format(
            '%1$I >= $1 AND %1$I < $2 AND ($3 IS NULL OR device = ANY ($3))'
            || CASE WHEN output.length_s IS NULL THEN ''
               ELSE ' AND public.replay_end(device, %2$I, %1$I) <= $2' END,
            output.at, output.length_s
        );
        EXECUTE format(
            'DELETE FROM public.%1$I AS live WHERE %2$s'
            ' AND NOT EXISTS (SELECT FROM %3$I.%1$I AS new WHERE %4$s)',
            output.name, inside, shadow,
            public.replay_list(output.keys, 'live.%1$I = new.%1$I', ' AND ')
        ) USING (asked ->> 'begin')::timestamptz, (asked ->> 'end')::timestamptz, devices;
        SELECT EXISTS (SELECT FROM pg_attribute
            WHERE attrelid = format('public.%I', output.name)::regclass AND attname = 'revision')
            INTO revised;
        EXECUTE format(
            'INSERT INTO public.%1$I AS live (%3$s) SELECT %3$s FROM %2$I.%1$I WHERE %9$s'
            ' ON CONFLICT (%4$s) DO UPDATE SET %5$s%6$s WHERE (%7$s) IS DISTINCT FROM (%8$s)',
            output.name, shadow,
            public.replay_list(output.keys || output.others, '%1$I')
                || CASE WHEN revised THEN ', revision' ELSE '' END,
            public.replay_list(output.keys, '%1$I'),
            public.replay_list(output.others, '%1$I = excluded.%1$I'),
            CASE WHEN revised THEN ', revision = live.revision + 1, written_at = clock_timestamp()'
                ELSE '' END,
            public.replay_list(output.others, 'live.%1$I'),
            public.replay_list(output.others, 'excluded.%1$I'),
            inside
        ) USING (asked ->> 'begin')::timestamptz, (asked ->> 'end')::timestamptz, devices;
    END LOOP;
    UPDATE public.replay SET state = 'promoted', promoted_at = clock_timestamp()
        WHERE replay.name = replayed;
END $$;

-- Quarters and hours with the part of the day in which they begin, by the site's clock. A part of
-- the day belongs to the date on which it begins: a night also after midnight. The site is where
-- the device was then.
CREATE OR REPLACE VIEW period_window AS
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
JOIN site s ON s.site = w.site
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
