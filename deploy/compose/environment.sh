#!/bin/sh
# Writes what this installation is into .env, which Compose reads there: what somebody has said
# stays, only the version of our images is always that of this checkout. See docs/containers.md.
set -eu
umask 077
touch .env
# a last line without its end would swallow the next one
[ -z "$(tail -c 1 .env)" ] || echo >> .env

lacks() { ! grep -q "^$1=" .env; }

version=$(git describe --tags --always 2>/dev/null | tr -c 'A-Za-z0-9_.\n-' '-') || version=
if ! grep -qx "CITYHUM_VERSION=${version:-latest}" .env; then
    kept=$(grep -v '^CITYHUM_VERSION=' .env || true)
    printf '%s\n' ${kept:+"$kept"} "CITYHUM_VERSION=${version:-latest}" > .env
fi
if lacks COMPOSE_PROFILES; then echo "COMPOSE_PROFILES=core" >> .env; fi
if lacks SECRETS_UID; then
    if [ "$(id -u)" != 0 ]; then
        echo "SECRETS_UID=$(id -u)" >> .env
    else
        echo "secrets: no container runs as root, whose the secrets are now; before docker compose:" >&2
        echo "  chown -R 1000:1000 .local/secrets" >&2
    fi
fi
