#!/bin/bash
# Settings come from the environment, and the password goes into a keystore beside the configuration, as in the
# product's image; nobody reads that one, for this distribution knows no accounts.
set -euo pipefail
home=/usr/share/elasticsearch
printf %s "${ELASTIC_PASSWORD:?}" >"${ES_PATH_CONF:-$home/config}/elasticsearch.keystore"
settings=()
while IFS='=' read -r key value; do
  case $key in
    xpack.* | ingest.*) ;; # modules that are not in this distribution
    *.*) [[ $key =~ ^[a-z0-9_]+\.[a-z0-9_.]+$ ]] && settings+=("$key=$value") ;;
  esac
done < <(env)
natives=$home/lib/platform/linux-$(uname -m | sed 's/x86_64/x64/')
read -ra options <<<"${ES_JAVA_OPTS:-}"
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "${options[@]}" \
  "-Des.path.home=$home" "-Des.path.conf=$home/config" -Des.distribution.type=docker \
  -Djava.locale.providers=CLDR -Dlog4j2.disable.jmx=true -Dlog4j.shutdownHookEnabled=false \
  -Djna.nosys=true "-Djava.library.path=$natives" "-Des.nativelibs.path=$natives" \
  --add-modules=jdk.net --add-opens=java.base/java.io=ALL-UNNAMED \
  --module-path "$home/lib" --add-modules ALL-MODULE-PATH -cp /opt/launcher Launcher "$home" \
  "path.data=$home/data" "path.logs=$home/logs" network.host=0.0.0.0 cluster.name=docker-cluster "${settings[@]}"
