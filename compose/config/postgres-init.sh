# Runs once, in a new directory, before the server listens: the version's database, and an account for it alone.
mindora_init() {
  local password
  password=$(cat /run/secrets/account)
  psql --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres \
    --set=account="$MINDORA_ACCOUNT" --set=database="$MINDORA_DATABASE" --set=password="$password" <<'SQL'
CREATE ROLE :"account" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"account";
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
  psql --set=ON_ERROR_STOP=1 --username=postgres --dbname="$MINDORA_DATABASE" \
    --command='CREATE EXTENSION IF NOT EXISTS vector'
}
mindora_init
