-- The database and its roles; run by psql at every start, so it says how things shall be.
-- owner: migrations. writer: processors. reader: dashboard, API. Variables: *_password.
SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY['cityhum_owner', 'cityhum_writer', 'cityhum_reader']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec
ALTER ROLE cityhum_owner PASSWORD :'owner_password';
ALTER ROLE cityhum_writer PASSWORD :'writer_password';
ALTER ROLE cityhum_reader PASSWORD :'reader_password';

SELECT 'CREATE DATABASE cityhum OWNER cityhum_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cityhum')
\gexec
REVOKE ALL ON DATABASE cityhum FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE cityhum TO cityhum_writer;
GRANT CONNECT ON DATABASE cityhum TO cityhum_reader;

\connect cityhum
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO cityhum_owner;
GRANT USAGE ON SCHEMA public TO cityhum_writer, cityhum_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE cityhum_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO cityhum_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE cityhum_owner
    GRANT USAGE ON SEQUENCES TO cityhum_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE cityhum_owner
    GRANT SELECT ON TABLES TO cityhum_reader;
