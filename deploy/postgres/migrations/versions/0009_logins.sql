-- Every program logs in as a role of its own: cityhum_PROGRAM. It may do what it needs, and of the
-- tables that several write it sees and changes its own rows only; who is not named there sees none.
-- cityhum_writer, until now the login of all, keeps its rights so that workers of the version before
-- run on while new ones start. deploy/postgres/retire-writer.sql shuts it out.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['cityhum_windows', 'cityhum_alerts', 'cityhum_archive',
        'cityhum_relay', 'cityhum_notify', 'cityhum_replay'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            RAISE 'role % is missing: run deploy/postgres/roles.sql as superuser', name;
        END IF;
    END LOOP;
END $$;

-- every fold: how far it is, and its state -----------------------------------------------------------

GRANT SELECT, INSERT, UPDATE ON checkpoint
    TO cityhum_windows, cityhum_alerts, cityhum_archive, cityhum_notify;
GRANT SELECT, INSERT, UPDATE ON fold_state TO cityhum_windows, cityhum_alerts, cityhum_archive;
GRANT SELECT ON fold_state TO cityhum_notify;

-- what each of them writes ----------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE ON level_window, label_window, ledger TO cityhum_windows;
GRANT DELETE ON label_window TO cityhum_windows;
GRANT SELECT, INSERT, UPDATE ON alert TO cityhum_alerts;
GRANT SELECT (id, kind), INSERT (kind, key, payload) ON outbox TO cityhum_windows, cityhum_alerts;
GRANT INSERT (outbox_id, target) ON delivery TO cityhum_windows, cityhum_alerts;

GRANT SELECT, INSERT ON reading, indices TO cityhum_archive;
GRANT SELECT, UPDATE (online, session, status_at, status, status_written_at) ON device
    TO cityhum_archive;
GRANT EXECUTE ON FUNCTION ensure_reading_partitions(date[]) TO cityhum_archive;

GRANT SELECT, DELETE ON outbox TO cityhum_relay;
GRANT SELECT, UPDATE (delivered_at, attempts) ON delivery TO cityhum_relay;

GRANT SELECT, INSERT (target) ON notify_target TO cityhum_notify;
GRANT SELECT, DELETE, INSERT (target, alert_id, revision, payload),
    UPDATE (state, attempts, next_try_at, last_error, settled_at) ON notification TO cityhum_notify;

-- replays: they read what is live, and hold the folds for the moment of a promotion --------------------

GRANT SELECT ON level_window, label_window, alert, checkpoint TO cityhum_replay;
GRANT UPDATE (updated_at) ON checkpoint TO cityhum_replay;
GRANT SELECT, INSERT (name, format, request, cluster_id),
    UPDATE (state, readings, unreadable, finished_at) ON replay TO cityhum_replay;
GRANT EXECUTE ON FUNCTION replay_create(text), replay_drop(text), replay_swap(text)
    TO cityhum_replay;

CREATE FUNCTION replay_grant(shadow text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO cityhum_replay, cityhum_reader', shadow);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO cityhum_replay', shadow
    );
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO cityhum_reader', shadow);
    EXECUTE format('REVOKE SELECT ON %I.fold_state FROM cityhum_reader', shadow);
END $$;

CREATE OR REPLACE FUNCTION replay_create(replayed text) RETURNS void
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
    PERFORM public.replay_grant(shadow);
END $$;

SELECT replay_grant(nspname) FROM pg_namespace JOIN replay ON nspname = 'replay_' || name;

-- rows of tables that several write ----------------------------------------------------------------------

ALTER TABLE checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE fold_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON checkpoint
    TO cityhum_windows, cityhum_alerts, cityhum_archive, cityhum_notify
    USING (program = substr(current_user, length('cityhum_') + 1));
CREATE POLICY own ON fold_state
    TO cityhum_windows, cityhum_alerts, cityhum_archive, cityhum_notify
    USING (program = substr(current_user, length('cityhum_') + 1));
CREATE POLICY told_by_windows ON outbox TO cityhum_windows USING (kind = 'window');
CREATE POLICY told_by_alerts ON outbox TO cityhum_alerts USING (kind = 'alert');

CREATE POLICY all_read ON checkpoint FOR SELECT TO cityhum_reader, cityhum_replay USING (true);
CREATE POLICY held ON checkpoint FOR UPDATE TO cityhum_replay USING (true) WITH CHECK (false);
CREATE POLICY relayed ON outbox TO cityhum_relay USING (true);
CREATE POLICY all_read ON outbox FOR SELECT TO cityhum_reader USING (true);

CREATE POLICY former ON checkpoint TO cityhum_writer USING (true);
CREATE POLICY former ON fold_state TO cityhum_writer USING (true);
CREATE POLICY former ON outbox TO cityhum_writer USING (true);
