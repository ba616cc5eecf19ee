-- Webhooks and notifications: what each target is still to be told, and what it was told.

CREATE TABLE notify_target (
    target text PRIMARY KEY,
    since  timestamptz NOT NULL DEFAULT clock_timestamp() -- alerts raised before are not its own
);

CREATE TABLE notification (
    target       text NOT NULL,
    alert_id     uuid NOT NULL,
    revision     integer NOT NULL,
    id           bigint GENERATED ALWAYS AS IDENTITY,    -- the order in which they came
    payload      json NOT NULL,                          -- the alert; json, not jsonb: sent as it is
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at   timestamptz,                            -- when it was delivered, or given up
    PRIMARY KEY (target, alert_id, revision)             -- an event that comes again is told once
);

CREATE INDEX notification_waiting ON notification (target, id) WHERE state = 'waiting';
CREATE INDEX notification_dead ON notification (settled_at) WHERE state = 'dead';
CREATE INDEX notification_settled ON notification (settled_at) WHERE state <> 'waiting';

CREATE FUNCTION notification_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY cityhum_notify;
    RETURN NULL;
END $$;

CREATE TRIGGER notification_added AFTER INSERT ON notification
    FOR EACH STATEMENT EXECUTE FUNCTION notification_waits();

-- rights ---------------------------------------------------------------------------------------------

GRANT SELECT, INSERT ON notify_target TO cityhum_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON notification TO cityhum_writer;
GRANT SELECT ON notify_target, notification TO cityhum_reader;
