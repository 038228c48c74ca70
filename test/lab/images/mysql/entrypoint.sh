#!/bin/bash
# Prepares a new directory, runs what is in /docker-entrypoint-initdb.d on a server that only its socket reaches, and
# then becomes the server.
set -euo pipefail
data=/var/lib/mysql socket=/run/mysqld/mysqld.sock
arguments=(--no-defaults "--datadir=$data" "--socket=$socket" --pid-file=/run/mysqld/mysqld.pid)
for argument in "$@"; do
  case $argument in
    --socket=*)
      socket=${argument#*=}
      arguments+=("$argument")
      ;;
    mysqld | --mysqlx=* | --innodb-redo-log-capacity=*) ;; # what MariaDB doesn't know
    *) arguments+=("$argument") ;;
  esac
done
# MySQL's default, and not MariaDB's.
arguments+=(--binlog-format=ROW)

prepare() {
  mariadb-install-db --no-defaults "--datadir=$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
  mariadbd "${arguments[@]}" --skip-networking &
  local server=$! tries=0
  until mysqladmin --socket=$socket --user=root ping --silent 2>/dev/null; do
    ((++tries < 600)) || exit 1
    sleep 0.1
  done
  MYSQL_ROOT_PASSWORD=$(cat "$MYSQL_ROOT_PASSWORD_FILE")
  mysql --socket=$socket --user=root <<SQL
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');
FLUSH PRIVILEGES;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
SQL
  for script in /docker-entrypoint-initdb.d/*.sh; do . "$script"; done
  MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysqladmin --socket=$socket --user=root shutdown
  wait "$server"
  unset MYSQL_ROOT_PASSWORD
}

# A directory whose preparation was cut off begins anew.
if [ ! -e $data/prepared ]; then
  find $data -mindepth 1 -delete
  prepare
  touch $data/prepared
fi
exec mariadbd "${arguments[@]}"
