#!/usr/bin/env bash
# Makes the database and its roles when the container's disk is empty, and those that are new when
# somebody runs it again after an upgrade; passwords come as secrets, one file each.
set -euo pipefail
export PGPASSWORD="${PGPASSWORD:-$(cat /run/secrets/postgres)}"
{
    for role in owner windows alerts archive relay notify replay reader operator; do
        # shellcheck disable=SC2016  # psql runs the command: no password on a command line
        printf '\\set %s_password `cat /run/secrets/cityhum_%s`\n' "$role" "$role"
    done
    cat /etc/cityhum/roles.sql
} | psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}"
