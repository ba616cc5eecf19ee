#!/usr/bin/env bash
# Whether Kafka at a port of its own container answers ApiVersions; where it wants TLS, whether it
# says so. A Java of its own would take two seconds of a processor each time.
set -euo pipefail
exec 3<> "/dev/tcp/127.0.0.1/$1"
printf '\0\0\0\x10\0\x12\0\0\0\0\0\x01\0\x06health' >&3
timeout 5 head -c 1 <&3 > /dev/null
