#!/bin/sh
# Installs or updates the agent on a device: Debian 12 or 13, Raspberry Pi OS 64-bit. As root:
#
#   sudo deploy/pi/install.sh --site harbour --device pole-07 --broker mqtt.example.org
#
#   --broker HOST[:PORT]   port 1883 unless told, with --ca 8883
#   --ca FILE              TLS: whose certificates are believed, a city's ca.crt
#   --microphone NAME      name of the card or part of it; default: the only one
#   --password-file FILE   holds the device's password at the broker; else it is asked for
#   --from PATH            a wheel or a clone of cityhum; default: the clone of this script
#   --dry-run              say what would be done, and do nothing
#
# May be run again at any time: what is not told stays as it is, spool and password too.
set -eu
umask 022

HOME_FOLDER=/opt/cityhum
ETC=/etc/cityhum
UNIT=cityhum-agent.service

die() {
    echo "install: $*" >&2
    exit 2
}

usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
}

site='' device='' broker='' ca='' microphone='' password_file='' dry=''
here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
from=$here
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    --site | --device | --broker | --ca | --microphone | --password-file | --from)
        [ $# -ge 2 ] || die "$1 needs a value"
        case $1 in
        --site) site=$2 ;;
        --device) device=$2 ;;
        --broker) broker=$2 ;;
        --ca) ca=$2 ;;
        --microphone) microphone=$2 ;;
        --password-file) password_file=$2 ;;
        --from) from=$2 ;;
        esac
        shift
        ;;
    *) die "unknown argument $1 (--help says which there are)" ;;
    esac
    shift
done

# --- what is known ---------------------------------------------------------------------------

installed() { # what the last run wrote for a variable
    if [ -r "$ETC/agent.env" ]; then sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$ETC/agent.env"; fi
}

others() { # settings that somebody added by hand
    if [ -r "$ETC/agent.env" ]; then
        grep -Ev '^(CITYHUM_(SITE|DEVICE|MQTT_HOST|MQTT_PORT|MQTT_CA|MQTT_PASSWORD_FILE|MICROPHONE)=|$)' \
            "$ETC/agent.env" || true
    fi
}

slug() {
    printf '%s' "$2" | grep -Eqx '[a-z0-9][a-z0-9-]{0,62}' ||
        die "$1 '$2': small letters, digits and hyphens, please"
}

site=${site:-$(installed CITYHUM_SITE)}
device=${device:-$(installed CITYHUM_DEVICE)}
microphone=${microphone:-$(installed CITYHUM_MICROPHONE)}
believed=${ca:+$ETC/ca.crt}
believed=${believed:-$(installed CITYHUM_MQTT_CA)}
host=${broker%:*}
port=1883
[ -z "$believed" ] || port=8883
case $broker in *:*) port=${broker##*:} ;; esac
if [ -z "$broker" ]; then
    host=$(installed CITYHUM_MQTT_HOST)
    port=$(installed CITYHUM_MQTT_PORT)
fi
[ -n "$site" ] || die "--site is needed: of which site is this device?"
[ -n "$device" ] || die "--device is needed: its id, which is also its user at the broker"
[ -n "$host" ] || die "--broker is needed: HOST or HOST:PORT"
slug --site "$site"
slug --device "$device"
printf '%s' "$host" | grep -Eqx '[A-Za-z0-9._-]+' || die "--broker '$broker': HOST or HOST:PORT"
printf '%s' "$port" | grep -Eqx '[0-9]{1,5}' || die "--broker '$broker': a port is a number"
case $microphone in *[\"\\\$\`]*) die "--microphone: no quotes, dollars or backslashes" ;; esac
[ -z "$password_file" ] || [ -r "$password_file" ] || die "$password_file: cannot be read"
[ -z "$ca" ] || grep -q 'BEGIN CERTIFICATE' "$ca" 2>/dev/null || die "--ca $ca: no certificate"
case $from in
*.whl) [ -r "$from" ] || die "--from $from: no such wheel" ;;
*) [ -r "$from/pyproject.toml" ] || die "--from $from: neither a wheel nor a clone of cityhum" ;;
esac

# not uname -m: a 32-bit Raspberry Pi OS has a 64-bit kernel
architecture=$(dpkg --print-architecture 2>/dev/null) || architecture=$(uname -m)
case $architecture in
arm64 | amd64 | aarch64 | x86_64) ;;
*) die "a 64-bit system is needed: there are no wheels for $architecture" ;;
esac
# shellcheck source=/dev/null
system=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
case $system in
"debian 12" | "debian 13") ;;
*) echo "install: made for Debian 12 and 13, this is '$system': going on" >&2 ;;
esac
[ -n "$dry" ] || [ "$(id -u)" = 0 ] || die "must be root: sudo $0 ..."

# --- how things are done ---------------------------------------------------------------------

run() {
    if [ -n "$dry" ]; then echo "would run: $*"; else "$@"; fi
}

put() { # MODE OWNER PATH: standard input becomes that file, at once and never readable before
    if [ -n "$dry" ]; then
        echo "would write: $3 ($1, $2)"
        return
    fi
    umask 077
    cat >"$3.new"
    chown "$2" "$3.new"
    chmod "$1" "$3.new"
    mv "$3.new" "$3"
    umask 022
}

password() {
    if [ -n "$password_file" ]; then
        cat "$password_file"
        return
    fi
    [ -t 0 ] || die "no terminal to ask for the password: give --password-file"
    printf 'Password of %s at %s: ' "$device" "$host" >&2
    stty -echo
    read -r answer || true
    stty echo
    echo >&2
    [ -n "$answer" ] || die "no password given"
    printf '%s\n' "$answer"
}

# --- and now ---------------------------------------------------------------------------------

missing=''
for package in python3 python3-venv alsa-utils; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok' ||
        missing="$missing $package"
done
if [ -n "$missing" ]; then
    run apt-get update -q
    # shellcheck disable=SC2086  # a list of words
    run apt-get install -y -q --no-install-recommends $missing
fi

if ! getent passwd cityhum >/dev/null; then
    run useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin cityhum
fi
run usermod --append --groups audio cityhum

run install -d -m 0755 "$HOME_FOLDER"
run install -d -m 0700 -o cityhum -g cityhum /var/lib/cityhum
[ -x "$HOME_FOLDER/venv/bin/python" ] || run /usr/bin/python3 -m venv "$HOME_FOLDER/venv"
# from wheels: a Pi must not need a compiler; sdnotify has none, but is a page of Python
run "$HOME_FOLDER/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --upgrade --only-binary :all: --no-binary sdnotify "${from}[agent]"

run install -d -m 0750 -o root -g cityhum "$ETC"
[ -z "$ca" ] || put 0644 root:root "$ETC/ca.crt" <"$ca"
put 0640 root:cityhum "$ETC/agent.env" <<EOF
CITYHUM_SITE=$site
CITYHUM_DEVICE=$device
CITYHUM_MQTT_HOST=$host
CITYHUM_MQTT_PORT=$port
${believed:+CITYHUM_MQTT_CA=$believed}
CITYHUM_MQTT_PASSWORD_FILE=$ETC/mqtt-password
CITYHUM_MICROPHONE="$microphone"
$(others)
EOF
if [ -n "$password_file" ] || [ ! -s "$ETC/mqtt-password" ]; then
    if [ -n "$dry" ]; then
        put 0600 cityhum:cityhum "$ETC/mqtt-password" </dev/null
    else
        word=$(password) # not in a pipe: a failure must end the script
        printf '%s\n' "$word" | put 0600 cityhum:cityhum "$ETC/mqtt-password"
    fi
fi

# so that people say `sudo -u cityhum cityhum agent doctor` and mean this device
put 0755 root:root /usr/local/bin/cityhum <<EOF
#!/bin/sh
set -a
. $ETC/agent.env
CITYHUM_STATE_FOLDER=/var/lib/cityhum
exec $HOME_FOLDER/venv/bin/cityhum "\$@"
EOF

run install -m 0644 "$here/deploy/systemd/$UNIT" "/etc/systemd/system/$UNIT"
if [ ! -d /run/systemd/system ]; then
    echo "install: systemd does not run here: '$UNIT' is in its place, but not started" >&2
else
    run systemctl daemon-reload
    run systemctl enable --quiet "$UNIT"
    run systemctl restart "$UNIT"
fi

if [ "$(wc -l </proc/swaps)" -gt 1 ] && ! grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    echo "install: there is swap, and the kernel cannot keep the agent out of it:" >&2
    echo "install:   add 'cgroup_enable=memory' to /boot/firmware/cmdline.txt and start anew" >&2
fi
if [ -n "$dry" ]; then
    echo "nothing was changed"
else
    echo "installed; how it does: sudo -u cityhum cityhum agent doctor"
fi
