-- Replays: what the same log would have given under other rules, another model or newer code.
-- Each has a schema of its own, replay_NAME, with tables like the live ones; `replay` says what
-- is in it. The writer runs replays but owns no schema: the functions below run as the owner.

CREATE TABLE replay (
    name        text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    format      integer NOT NULL,                        -- of what the shadow keeps beside its rows
    request     jsonb NOT NULL,                          -- span, rules, model, devices
    cluster_id  text NOT NULL,
    state       text NOT NULL DEFAULT 'incomplete'
                CHECK (state IN ('incomplete', 'complete', 'promoted')),
    readings    bigint NOT NULL DEFAULT 0,
    unreadable  bigint NOT NULL DEFAULT 0,               -- records that live dead-lettered too
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    promoted_at timestamptz
);

-- Tables of the span's outputs, with the column that says where in time a row belongs.
CREATE FUNCTION replay_outputs() RETURNS TABLE (name text, at text, length_s text)
    LANGUAGE sql IMMUTABLE AS $$
    VALUES ('level_window', 'started_at', 'length_s'),
           ('label_window', 'started_at', 'length_s'),
           ('alert', 'onset_at', NULL)
$$;

CREATE FUNCTION replay_create(replayed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    shadow text := 'replay_' || replayed;
    likeness text;
BEGIN
    PERFORM 1 FROM public.replay WHERE replay.name = replayed;
    IF NOT FOUND THEN
        RAISE 'no replay is called %', replayed;
    END IF;
    EXECUTE format('CREATE SCHEMA %I', shadow);
    FOR likeness IN SELECT outputs.name FROM public.replay_outputs() AS outputs
        UNION ALL VALUES ('checkpoint'), ('fold_state')
    LOOP
        EXECUTE format(
            'CREATE TABLE %I.%I (LIKE public.%I INCLUDING ALL)', shadow, likeness, likeness
        );
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO cityhum_writer, cityhum_reader', shadow);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO cityhum_writer', shadow
    );
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO cityhum_reader', shadow);
    EXECUTE format('REVOKE SELECT ON %I.fold_state FROM cityhum_reader', shadow);
END $$;

CREATE FUNCTION replay_drop(replayed text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.replay WHERE replay.name = replayed;
    IF NOT FOUND THEN
        RAISE 'no replay is called %', replayed;
    END IF;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', 'replay_' || replayed);
END $$;

-- Columns of a live table: those of its key, and those whose change is a change of the row.
CREATE FUNCTION replay_columns(of_table text, OUT keys text[], OUT others text[])
    LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT array_agg(attname::text ORDER BY attnum) FILTER (WHERE attnum = ANY (indkey)),
           array_agg(attname::text ORDER BY attnum) FILTER (WHERE attnum <> ALL (indkey)
               AND attname <> ALL (ARRAY['revision', 'written_at', 'first_written_at']))
    FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND indisprimary
    WHERE attrelid = format('public.%I', of_table)::regclass AND attnum > 0 AND NOT attisdropped
$$;

-- A list of names, each written by a format: %1$I is the name.
CREATE FUNCTION replay_list(names text[], pattern text, glue text DEFAULT ', ') RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format(pattern, name), glue ORDER BY position)
    FROM unnest(names) WITH ORDINALITY AS listed (name, position)
$$;

-- Put a replay's rows of its span in place of the live ones. A row that stays the same is not
-- touched; one that changes counts a revision, where its table does.
CREATE FUNCTION replay_swap(replayed text) RETURNS void
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
        inside := format('%I >= $1 AND ($3 IS NULL OR device = ANY ($3)) AND ', output.at)
            || CASE WHEN output.length_s IS NULL THEN format('%I < $2', output.at)
               ELSE format('%I + %I * interval ''1 s'' <= $2', output.at, output.length_s) END;
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

-- rights ------------------------------------------------------------------------------------------

GRANT SELECT ON replay TO cityhum_writer, cityhum_reader;
GRANT INSERT ON replay TO cityhum_writer;
GRANT UPDATE (state, readings, unreadable, finished_at) ON replay TO cityhum_writer;
REVOKE ALL ON FUNCTION replay_create(text), replay_drop(text), replay_swap(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replay_create(text), replay_drop(text), replay_swap(text)
    TO cityhum_writer;
