#!/bin/bash
# Writes the configuration from the environment below its home, as the product's image does, sets the first password and
# becomes the server.
set -euo pipefail
conf=$NEO4J_HOME/conf/neo4j.conf
printf '%s\n' server.default_listen_address=0.0.0.0 server.https.enabled=false server.directories.logs=/logs \
  db.tx_log.preallocate=false >>"$conf"
for name in $(compgen -e | grep '^NEO4J_'); do
  case $name in
    NEO4J_AUTH | NEO4J_HOME) continue ;;
  esac
  setting=$(sed 's/^NEO4J_//; s/_/./g; s/\.\./_/g' <<<"$name")
  sed -i "/^$setting=/d" "$conf"
  echo "$setting=${!name}" >>"$conf"
done
export NEO4J_CONF=$NEO4J_HOME/conf
[ -e /data/dbms ] ||
  java -cp "$NEO4J_HOME/lib/*" org.neo4j.cli.AdminTool dbms set-initial-password "${NEO4J_AUTH#neo4j/}" >/dev/null
unset NEO4J_AUTH
opens=()
for name in java.nio java.io sun.nio.ch java.lang; do opens+=("--add-opens=java.base/$name=ALL-UNNAMED"); done
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "${opens[@]}" -Dlog4j2.disable.jmx=true \
  -cp "$NEO4J_HOME/lib/*" org.neo4j.server.CommunityEntryPoint "--home-dir=$NEO4J_HOME" "--config-dir=$NEO4J_CONF"
