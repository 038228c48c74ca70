# Runs once, in a new directory, before the server listens: the version's database, and an account for it alone.
mindora_init() {
  local password pattern
  password=$(cat /run/secrets/account)
  # An underscore in the name of a database stands for any character in GRANT.
  pattern=${MINDORA_DATABASE//_/\\_}
  MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --socket=/tmp/mysqld.sock --user=root <<SQL
CREATE DATABASE IF NOT EXISTS \`$MINDORA_DATABASE\` CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$MINDORA_ACCOUNT'@'%' IDENTIFIED BY '$password';
GRANT $MINDORA_RIGHTS ON \`$pattern\`.* TO '$MINDORA_ACCOUNT'@'%';
SQL
}
mindora_init
