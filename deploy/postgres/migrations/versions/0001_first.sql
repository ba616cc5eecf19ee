-- Everything that the processors write and people read. Times are UTC instants; decibels are
-- re 20 µPa where `calibration` is set, else re full scale.

DO $$
DECLARE
    name text;
BEGIN
    -- normally made by whoever made the database; the rights below need them to exist
    FOREACH name IN ARRAY ARRAY['cityhum_writer', 'cityhum_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;

-- what is where: from deploy/sites.yaml ----------------------------------------------------------

CREATE TABLE site (
    site           text PRIMARY KEY,
    name           text NOT NULL,
    time_zone      text NOT NULL,
    day_starts     time NOT NULL,
    evening_starts time NOT NULL,
    night_starts   time NOT NULL,
    limit_day_db     real,
    limit_evening_db real,
    limit_night_db   real
);

CREATE TABLE device (
    device               text PRIMARY KEY,
    site                 text NOT NULL REFERENCES site,
    name                 text NOT NULL,
    street               text NOT NULL,
    latitude             double precision,
    longitude            double precision,
    height_m             real,
    facade_correction_db real NOT NULL,
    active               boolean NOT NULL DEFAULT true,  -- false: no longer in the file
    -- the newest status; a late will of an older session does not count
    online               boolean NOT NULL DEFAULT false,
    session              text,
    status_at            timestamptz,                    -- null in a last will: the time before it stays
    status               jsonb,
    status_written_at    timestamptz
);

-- one row per second -----------------------------------------------------------------------------

CREATE TABLE reading (
    device           text NOT NULL,
    session          text NOT NULL,
    seq              bigint NOT NULL,
    started_at       timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,               -- by the bridge
    written_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    clock            text NOT NULL,                      -- synced, unsynced
    calibration      text,
    laeq_1s_db       real NOT NULL,
    lceq_1s_db       real NOT NULL,
    lzeq_1s_db       real NOT NULL,
    lafmax_db        real NOT NULL,
    lasmax_db        real NOT NULL,
    lcpeak_db        real NOT NULL,
    overload         boolean NOT NULL,
    floor            boolean NOT NULL,
    third_octaves_db real[] NOT NULL,                    -- Z-weighted, from 25 Hz up
    model            text,                               -- null: not classified
    labels           text[] NOT NULL DEFAULT '{}',       -- those at or above the reporting score
    scores           smallint[] NOT NULL DEFAULT '{}',   -- per mille; 500 is the label's threshold
    PRIMARY KEY (device, session, seq, started_at)
) PARTITION BY RANGE (started_at);

CREATE INDEX reading_by_time ON reading (device, started_at);

CREATE TABLE indices (
    device     text NOT NULL,
    session    text NOT NULL,
    first_seq  bigint NOT NULL,
    started_at timestamptz NOT NULL,
    aci  double precision,
    adi  double precision,
    aei  double precision,
    bi   double precision,
    h    double precision,
    ndsi double precision,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (device, session, first_seq)
);

CREATE INDEX indices_by_time ON indices (device, started_at);

-- windows of event time ---------------------------------------------------------------------------

CREATE TABLE level_window (
    site        text NOT NULL,
    device      text NOT NULL,
    length_s    integer NOT NULL,
    started_at  timestamptz NOT NULL,
    calibration text,                                    -- null: relative; 'mixed': more than one
    laeq_db     double precision NOT NULL,
    lceq_db     double precision NOT NULL,
    lzeq_db     double precision NOT NULL,
    lafmax_db   double precision NOT NULL,
    lasmax_db   double precision NOT NULL,
    lcpeak_db   double precision NOT NULL,
    l10_db      double precision NOT NULL,
    l50_db      double precision NOT NULL,
    l90_db      double precision NOT NULL,
    coverage_s  integer NOT NULL,
    overload_s  integer NOT NULL,
    floor_s     integer NOT NULL,
    final       boolean NOT NULL,                        -- false: later readings may still come
    revision    integer NOT NULL DEFAULT 0,              -- how often its values have changed
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (device, length_s, started_at)
);

CREATE INDEX level_window_by_time ON level_window (length_s, started_at);

CREATE TABLE label_window (
    device         text NOT NULL,
    length_s       integer NOT NULL,
    started_at     timestamptz NOT NULL,
    label          text NOT NULL,
    origin         text NOT NULL,                        -- natural, human, technogenic
    active_s       integer NOT NULL,
    mean_score     smallint NOT NULL,                    -- per mille
    max_score      smallint NOT NULL,
    laeq_active_db double precision NOT NULL,
    PRIMARY KEY (device, length_s, started_at, label)
);

CREATE TABLE alert (
    alert_id        uuid PRIMARY KEY,
    revision        integer NOT NULL,
    state           text NOT NULL,                       -- raised, updated, cleared
    rule            text NOT NULL,
    rule_version    text NOT NULL,
    site            text NOT NULL,
    device          text NOT NULL,
    session         text NOT NULL,
    onset_at        timestamptz NOT NULL,
    raised_at       timestamptz NOT NULL,
    ended_at        timestamptz,
    end_reason      text,                                -- cleared, signal_lost, max_duration
    peak_laeq_1s_db double precision NOT NULL,
    peak_score      smallint,                            -- null for rules on levels
    active_s        integer NOT NULL,
    historical      boolean NOT NULL,                    -- found in late data, notified to nobody
    first_written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    written_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX alert_by_onset ON alert (onset_at);
CREATE INDEX alert_open ON alert (device) WHERE ended_at IS NULL;

-- how far each program is, in the same transaction as its rows --------------------------------------

CREATE TABLE checkpoint (
    program     text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,                         -- the only truth about progress
    cluster_id  text NOT NULL,
    epoch       integer NOT NULL,                        -- one more whenever the log began anew
    version     integer NOT NULL DEFAULT 0,              -- one more with every commit
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (program, topic, partition)
);

CREATE TABLE fold_state (
    program   text NOT NULL,
    topic     text NOT NULL,
    partition integer NOT NULL,
    device    text NOT NULL,
    state     bytea NOT NULL,
    PRIMARY KEY (program, topic, partition, device)
);

-- what must still be told to others -----------------------------------------------------------------

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,                            -- alert, window
    key        text NOT NULL,                            -- order is kept within a key
    payload    json NOT NULL,                            -- json, not jsonb: published as it is
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE delivery (
    outbox_id    bigint NOT NULL REFERENCES outbox ON DELETE CASCADE,
    target       text NOT NULL,                          -- kafka, mqtt
    delivered_at timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (outbox_id, target)
);

CREATE INDEX delivery_waiting ON delivery (target, outbox_id) WHERE delivered_at IS NULL;

CREATE FUNCTION outbox_filled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY cityhum_outbox;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_filled AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_filled();

-- partitions ---------------------------------------------------------------------------------------

-- The writer must be able to store a reading of any day, but owns nothing: this runs as the owner.
CREATE FUNCTION ensure_reading_partitions(days date[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    wanted date;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ensure_reading_partitions'));
    FOREACH wanted IN ARRAY days LOOP
        name := 'reading_' || to_char(wanted, 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            -- made apart and then attached, since that does not block those who write
            EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING DEFAULTS)', name);
            EXECUTE format(
                'ALTER TABLE reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                name, wanted::timestamp AT TIME ZONE 'UTC', (wanted + 1)::timestamp AT TIME ZONE 'UTC'
            );
        END IF;
    END LOOP;
END $$;

-- views ----------------------------------------------------------------------------------------------

CREATE VIEW detection AS
SELECT heard.label, heard.score, reading.device, reading.session, reading.seq,
       reading.started_at AS time, reading.laeq_1s_db AS spl
FROM reading
CROSS JOIN LATERAL unnest(reading.labels, reading.scores) AS heard (label, score);

-- rights ---------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION ensure_reading_partitions(date[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_reading_partitions(date[]) TO cityhum_writer;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO cityhum_writer;
GRANT DELETE ON outbox, delivery, fold_state, label_window TO cityhum_writer;
REVOKE INSERT ON site, device FROM cityhum_writer;
REVOKE UPDATE ON site FROM cityhum_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO cityhum_reader;
REVOKE SELECT ON fold_state FROM cityhum_reader;
