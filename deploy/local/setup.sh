#!/bin/sh
# Makes .venv with the exact versions of uv.lock. Arguments are handed on to `uv sync`.
set -eu
UV_VERSION=0.13.9

# as of every command (cityhum/status.py): 2, somebody has to do something; 3, later may do
die() {
    status=$1
    shift
    echo "setup: $*" >&2
    exit "$status"
}

# pip and uv heed different variables, and neither the system's bundle by default
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -z "${SSL_CERT_FILE:-}" ] && [ -s "$bundle" ]; then
    SSL_CERT_FILE=$bundle
fi
if [ -n "${SSL_CERT_FILE:-}" ]; then
    export SSL_CERT_FILE PIP_CERT="${PIP_CERT:-$SSL_CERT_FILE}"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_LINK_MODE="${UV_LINK_MODE:-copy}"

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && fits "$name"; then
            command -v "$name"
            return
        fi
    done
    die 2 "needs Python 3.11, 3.12 or 3.13 on the PATH (Debian 12 or newer: apt-get install python3)"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Debian keeps ensurepip in a package of its own, named after the version
install_venv_package() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null || return 1
    echo "setup: installing $1" >&2
    as_root apt-get -q update >/dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
            -o DPkg::Lock::Timeout=120 install "$1" ca-certificates >/dev/null
}

uv_by_venv() {
    "$python" -m venv --clear .venv >/dev/null 2>&1 &&
        .venv/bin/python -m pip install --quiet "uv==$UV_VERSION"
}

uv_by_ensurepip() {
    .venv/bin/python -m ensurepip >/dev/null 2>&1
    .venv/bin/python -m pip install --quiet "uv==$UV_VERSION"
}

# without ensurepip: the pip or uv of the system fills a bare environment
uv_by_system() {
    "$python" -m venv --clear --without-pip .venv >/dev/null 2>&1 || return 1
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --target .venv/uv "uv==$UV_VERSION" &&
            ln -sf ../uv/bin/uv .venv/bin/uv
    elif command -v uv >/dev/null; then
        ln -sf "$(command -v uv)" .venv/bin/uv
    else
        return 1
    fi
}

make_venv() {
    python=$(find_python) || exit 2
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        uv_by_venv || die 3 "pip could not install uv (see above)"
    elif uv_by_system; then
        :
    elif install_venv_package "$package"; then
        uv_by_venv || die 3 "pip could not install uv (see above)"
    else
        die 2 "$python cannot make an environment with pip; as root: apt-get install $package"
    fi
}

# its programs name the folder in which they were made
moved() {
    [ -s .venv/.synced ] && [ "$(cat .venv/.synced)" != "$(pwd -P)" ]
}

cd "$(dirname "$0")/../.."
if ! fits .venv/bin/python || moved; then
    make_venv
elif ! [ -x .venv/bin/uv ]; then # made by another hand: kept
    uv_by_ensurepip || make_venv
fi
# inexact: what the training extra has brought stays; bytecode: a demo starts ten processes
.venv/bin/uv sync --quiet --frozen --inexact --compile-bytecode --python .venv/bin/python "$@" ||
    die 3 "uv could not bring the packages (see above)"
pwd -P > .venv/.synced
