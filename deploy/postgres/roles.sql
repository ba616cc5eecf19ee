-- The database and its roles; run by psql, by the local stack at every start.
-- owner: migrations, which say who may do what with a table. writer: processors.
-- reader: dashboard, API. operator: verdicts on alerts.
-- Variables: owner_password, writer_password, reader_password, operator_password.
SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY['cityhum_owner', 'cityhum_writer', 'cityhum_reader', 'cityhum_operator']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec
ALTER ROLE cityhum_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE cityhum_writer LOGIN PASSWORD :'writer_password';
ALTER ROLE cityhum_reader LOGIN PASSWORD :'reader_password';
ALTER ROLE cityhum_operator LOGIN PASSWORD :'operator_password';

SELECT 'CREATE DATABASE cityhum OWNER cityhum_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cityhum')
\gexec
REVOKE ALL ON DATABASE cityhum FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE cityhum TO cityhum_writer;
GRANT CONNECT ON DATABASE cityhum TO cityhum_reader, cityhum_operator;

\connect cityhum
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO cityhum_owner;
GRANT USAGE ON SCHEMA public TO cityhum_writer, cityhum_reader, cityhum_operator;
