#!/usr/bin/env bash
# Starts Kafka in its container from the shared server.properties; formats an empty disk once.
set -euo pipefail
data=/var/lib/kafka/data
config=/tmp/server.properties
{
    cat /etc/cityhum/server.properties
    echo "listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093"
    echo "advertised.listeners=PLAINTEXT://kafka:9092"
    echo "controller.quorum.voters=1@127.0.0.1:9093"
    echo "log.dirs=$data/log"
} > "$config"
[ -s "$data/cluster.id" ] || /opt/kafka/bin/kafka-storage.sh random-uuid > "$data/cluster.id"
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted -g -t "$(cat "$data/cluster.id")" -c "$config"
exec /opt/kafka/bin/kafka-server-start.sh "$config"
