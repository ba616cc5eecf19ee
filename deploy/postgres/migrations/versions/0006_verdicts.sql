-- What operators say of alerts. Nothing is overwritten: the newest verdict on an alert counts, and
-- it outlives the alert's row, which a replay may replace.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cityhum_operator') THEN
        CREATE ROLE cityhum_operator NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE 'role cityhum_operator is missing: run deploy/postgres/roles.sql as superuser';
END $$;

CREATE TABLE verdict (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id uuid NOT NULL,
    verdict  text NOT NULL CHECK (verdict IN ('true', 'false', 'unsure')),
    said_by  text NOT NULL CHECK (said_by <> ''),
    said_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    login    text NOT NULL DEFAULT session_user,
    note     text NOT NULL DEFAULT ''
);

CREATE INDEX verdict_by_alert ON verdict (alert_id, id);

CREATE VIEW alert_verdict AS
SELECT DISTINCT ON (alert_id) alert_id, verdict, said_by, said_at, note
FROM verdict
ORDER BY alert_id, id DESC;

-- rights: whoever judges alerts can make none, and whoever makes them cannot judge ------------------

GRANT SELECT ON verdict, alert_verdict TO cityhum_reader;
GRANT SELECT ON alert, verdict, alert_verdict, reading, device, site TO cityhum_operator;
GRANT INSERT (alert_id, verdict, said_by, note) ON verdict TO cityhum_operator;
