#!/usr/bin/env bash
# Starts Kafka in its container from the shared files, of which later ones win; formats an empty disk
# once, and then gives the first users of SCRAM their passwords if there are any.
set -euo pipefail
data=/var/lib/kafka/data
config=/tmp/server.properties
users=/run/secrets/kafka_users
{
    cat /etc/cityhum/server.properties /etc/cityhum/listeners.properties
    echo "controller.quorum.voters=1@127.0.0.1:9093"
    echo "log.dirs=$data/log"
} > "$config"
[ -s "$data/cluster.id" ] || /opt/kafka/bin/kafka-storage.sh random-uuid > "$data/cluster.id"
format=(--ignore-formatted "--cluster-id=$(cat "$data/cluster.id")" --config "$config")
[ ! -e "$users" ] || format+=("@$users") # a file: a command line is for everybody to read
/opt/kafka/bin/kafka-storage.sh format "${format[@]}"
exec /opt/kafka/bin/kafka-server-start.sh "$config"
