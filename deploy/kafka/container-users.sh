#!/usr/bin/env bash
# Gives users of the secret whom the running Kafka does not know their passwords: those that an
# upgrade has brought since its disk was formatted. Logs in as the node itself.
set -euo pipefail
umask 077
node=/tmp/node.properties
login=/tmp/login.properties
trap 'rm -f "$login"' EXIT
cat > "$node" << 'end'
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/etc/cityhum/tls/kafka.pem
ssl.truststore.type=PEM
ssl.truststore.location=/etc/cityhum/tls/ca.crt
end
configs=(/opt/kafka/bin/kafka-configs.sh --bootstrap-server 127.0.0.1:9095 --command-config "$node")
known=$("${configs[@]}" --describe --entity-type users)
# SCRAM-SHA-512=[name=relay,password=...], each behind a line --add-scram
sed -nE 's/^SCRAM-SHA-512=\[name=([^,]+),password=(.*)\]$/\1 \2/p' /run/secrets/kafka_users |
    while read -r name word; do
        case $known in *"'$name'"*) continue ;; esac
        echo "SCRAM-SHA-512=password=$word" > "$login" # a command line is for everybody to read
        "${configs[@]}" --alter --entity-type users --entity-name "$name" \
            --add-config-file "$login" < /dev/null
    done
