#!/usr/bin/env bash
# Makes the database and its roles when the container's disk is empty; passwords come as secrets.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" <<'SQL'
\set owner_password `cat /run/secrets/cityhum_owner`
\set writer_password `cat /run/secrets/cityhum_writer`
\set reader_password `cat /run/secrets/cityhum_reader`
\set operator_password `cat /run/secrets/cityhum_operator`
\i /etc/cityhum/roles.sql
SQL
