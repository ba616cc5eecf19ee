-- The database and its roles; run by psql, by the local stack at every start.
-- owner: migrations, which say who may do what with a table. windows, alerts, archive, relay,
-- notify, replay: the program of that name. reader: dashboard, API. operator: verdicts on alerts.
-- Variables: owner_password and so on, one for each.
SELECT format('CREATE ROLE %I', 'cityhum_' || role)
FROM unnest(ARRAY['owner', 'windows', 'alerts', 'archive', 'relay', 'notify', 'replay', 'reader',
    'operator', 'writer']) AS role -- writer: once the login of all programs; migrations name it
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cityhum_' || role)
\gexec
ALTER ROLE cityhum_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE cityhum_windows LOGIN PASSWORD :'windows_password';
ALTER ROLE cityhum_alerts LOGIN PASSWORD :'alerts_password';
ALTER ROLE cityhum_archive LOGIN PASSWORD :'archive_password';
ALTER ROLE cityhum_relay LOGIN PASSWORD :'relay_password';
ALTER ROLE cityhum_notify LOGIN PASSWORD :'notify_password';
ALTER ROLE cityhum_replay LOGIN PASSWORD :'replay_password';
ALTER ROLE cityhum_reader LOGIN PASSWORD :'reader_password';
ALTER ROLE cityhum_operator LOGIN PASSWORD :'operator_password';

SELECT 'CREATE DATABASE cityhum OWNER cityhum_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cityhum')
\gexec
REVOKE ALL ON DATABASE cityhum FROM PUBLIC;
-- rows are copied into a temporary table, and from there into their own
GRANT CONNECT, TEMPORARY ON DATABASE cityhum
    TO cityhum_windows, cityhum_alerts, cityhum_archive, cityhum_notify, cityhum_replay;
GRANT CONNECT ON DATABASE cityhum TO cityhum_relay, cityhum_reader, cityhum_operator;

\connect cityhum
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO cityhum_owner;
GRANT USAGE ON SCHEMA public TO cityhum_windows, cityhum_alerts, cityhum_archive, cityhum_relay,
    cityhum_notify, cityhum_replay, cityhum_reader, cityhum_operator;
