-- A promotion leaves alone what a live fold still holds readings of, and rows that stay as they are.

-- whoever remembers rows of this partition then asks for them again
ALTER TABLE checkpoint
    ADD promotions integer NOT NULL DEFAULT 0;           -- how often a replay took its rows' place

-- Windows that a promotion leaves as they are. Of a base window (10 s) that is provisional, the live
-- fold may hold further readings and would add them to those of a replay, which has them already.
-- Larger windows are merged anew from those in them, so a provisional one may be swapped; but one
-- that is final stays so, and one that was written early is not taken away.
CREATE FUNCTION replay_staying(shadow text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(
        'SELECT live.device, live.length_s, live.started_at FROM public.level_window AS live'
        ' WHERE NOT live.final AND live.started_at >= $1 AND live.started_at < $2'
        '     AND live.device = ANY ($3) AND live.length_s = ANY ($4)'
        '     AND (live.length_s = 10 OR NOT EXISTS (SELECT FROM %1$I.level_window AS new'
        '         WHERE new.device = live.device AND new.length_s = live.length_s'
        '             AND new.started_at = live.started_at))'
        ' UNION ALL'
        ' SELECT new.device, new.length_s, new.started_at FROM %1$I.level_window AS new'
        ' WHERE NOT new.final AND new.started_at >= $1 AND new.started_at < $2'
        '     AND new.device = ANY ($3) AND new.length_s = ANY ($4)'
        '     AND (new.length_s = 10 OR EXISTS (SELECT FROM public.level_window AS live'
        '         WHERE live.final AND live.device = new.device AND live.length_s = new.length_s'
        '             AND live.started_at = new.started_at))',
        shadow
    )
$$;

-- Put a replay's rows of its span in place of the live ones. A row that stays the same is not
-- touched, not even locked; one that changes counts a revision, where its table does.
CREATE OR REPLACE FUNCTION replay_swap(replayed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    shadow text := 'replay_' || replayed;
    asked jsonb;
    begins timestamptz;
    ends timestamptz;
    devices text[];
    lengths integer[] := '{10, 60, 900, 3600, 86400}';   -- of windows: the way into an index
    output record;
    staying text;
    within text;
    inside text;
    revised boolean;
BEGIN
    SELECT request INTO STRICT asked FROM public.replay
        WHERE replay.name = replayed AND state = 'complete' FOR UPDATE;
    begins := asked ->> 'begin';
    ends := asked ->> 'end';
    SELECT array_agg(one) INTO devices FROM jsonb_array_elements_text(asked -> 'devices') AS one;
    IF devices IS NULL THEN
        EXECUTE format(
            'SELECT array_agg(device) FROM ('
            ' SELECT device FROM public.level_window'
            ' WHERE length_s = ANY ($3) AND started_at >= $1 AND started_at < $2'
            ' UNION SELECT device FROM %1$I.level_window'
            ' UNION SELECT device FROM public.alert WHERE onset_at >= $1 AND onset_at < $2'
            ' UNION SELECT device FROM %1$I.alert) AS heard',
            shadow
        ) INTO devices USING begins, ends, lengths;
    END IF;
    -- labels before their windows: whether these are final is looked at as it was
    FOR output IN
        SELECT outputs.*, keys, others FROM public.replay_outputs() AS outputs,
            public.replay_columns(outputs.name) ORDER BY outputs.name
    LOOP
        staying := CASE WHEN output.length_s IS NULL THEN '' ELSE
            format('WITH staying AS MATERIALIZED (%s) ', public.replay_staying(shadow)) END;
        within := format(
            '@.%1$I >= $1 AND @.%1$I < $2 AND @.device = ANY ($3)'
            || CASE WHEN output.length_s IS NULL THEN '' ELSE ' AND @.%2$I = ANY ($4)' END,
            output.at, output.length_s
        );
        inside := replace(within, '@', 'one') || CASE WHEN output.length_s IS NULL THEN '' ELSE
            format(
                ' AND public.replay_end(one.device, one.%2$I, one.%1$I) <= $2'
                ' AND (one.device, one.%2$I, one.%1$I) NOT IN (SELECT * FROM staying)',
                output.at, output.length_s
            ) END;
        EXECUTE staying || format(
            'DELETE FROM public.%1$I AS one WHERE %2$s'
            ' AND NOT EXISTS (SELECT FROM %3$I.%1$I AS new WHERE %4$s)',
            output.name, inside, shadow,
            public.replay_list(output.keys, 'one.%1$I = new.%1$I', ' AND ')
        ) USING begins, ends, devices, lengths;
        SELECT EXISTS (SELECT FROM pg_attribute
            WHERE attrelid = format('public.%I', output.name)::regclass AND attname = 'revision')
            INTO revised;
        EXECUTE staying || format(
            'INSERT INTO public.%1$I AS live (%3$s) SELECT %4$s FROM %2$I.%1$I AS one'
            ' LEFT JOIN public.%1$I AS there ON %5$s AND %6$s'
            ' WHERE %7$s AND (%8$s) IS DISTINCT FROM (%9$s)'
            ' ON CONFLICT (%10$s) DO UPDATE SET %11$s%12$s',
            output.name, shadow,
            public.replay_list(output.keys || output.others, '%1$I')
                || CASE WHEN revised THEN ', revision' ELSE '' END,
            public.replay_list(output.keys || output.others, 'one.%1$I')
                || CASE WHEN revised THEN ', one.revision' ELSE '' END,
            public.replay_list(output.keys, 'there.%1$I = one.%1$I', ' AND '),
            replace(within, '@', 'there'),
            inside,
            public.replay_list(output.others, 'there.%1$I'),
            public.replay_list(output.others, 'one.%1$I'),
            public.replay_list(output.keys, '%1$I'),
            public.replay_list(output.others, '%1$I = excluded.%1$I'),
            CASE WHEN revised THEN ', revision = live.revision + 1, written_at = clock_timestamp()'
                ELSE '' END
        ) USING begins, ends, devices, lengths;
    END LOOP;
    EXECUTE format(
        'UPDATE public.checkpoint AS live SET promotions = live.promotions + 1'
        ' FROM %I.checkpoint AS new WHERE live.program = new.program AND live.topic = new.topic'
        ' AND live.partition = new.partition',
        shadow
    );
    UPDATE public.replay SET state = 'promoted', promoted_at = clock_timestamp()
        WHERE replay.name = replayed;
END $$;
