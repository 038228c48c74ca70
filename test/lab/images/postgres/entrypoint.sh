#!/bin/bash
# Prepares a new directory, runs what is in /docker-entrypoint-initdb.d on a server that only its socket reaches, and
# then becomes what it was asked for.
set -euo pipefail

prepare() {
  local arguments
  mkdir -p "$PGDATA"
  read -ra arguments <<<"${POSTGRES_INITDB_ARGS:-}"
  initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 "${arguments[@]}" >/dev/null
  printf '%s\n' "listen_addresses = '*'" "unix_socket_directories = '/run/postgresql'" >>"$PGDATA/postgresql.conf"
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --silent --log=/dev/null --options="-c listen_addresses=''" start
  for script in /docker-entrypoint-initdb.d/*.sh; do . "$script"; done
  pg_ctl --wait --silent --mode=fast stop
}

[ -s "$PGDATA/PG_VERSION" ] || prepare
exec "$@"
