-- After an upgrade from a version whose programs all logged in as cityhum_writer, once none of them
-- runs any more: nobody gets in by that role again. Run by psql as superuser.
ALTER ROLE cityhum_writer NOLOGIN PASSWORD NULL;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cityhum_writer';
