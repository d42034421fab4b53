#!/usr/bin/env bash
# The telemetry of every language, judged by OpenTelemetry's own packages: what is sent is decoded with the official definitions, and
# the spans of the programs are those of the official API. They are installed once, below target/telemetry.
#
# Needs DAYTONA_LOCAL_BINARY (the `daytona` program), DAYTONA_LOCAL_STATE_DIR (a state directory whose snapshot is prepared), and the
# packages built in their places.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${DAYTONA_LOCAL_BINARY:?must name the daytona program}" "${DAYTONA_LOCAL_STATE_DIR:?must name a state directory}"
environments=${here%/tests/telemetry}/target/telemetry
# gunicorn loads a program and then forks, as programs in production do.
python_packages=(opentelemetry-api==1.45.2 opentelemetry-proto==1.45.2 pytest==8.4.2 gunicorn==27.0.1)
node_package=@opentelemetry/api@1.10.0

if [[ $(cat "$environments/python/complete" 2>/dev/null) != "${python_packages[*]}" ]]; then
    rm -rf "$environments/python"
    python3 -m venv "$environments/python"
    "$environments/python/bin/python" -m pip install --quiet --disable-pip-version-check "${python_packages[@]}"
    echo "${python_packages[*]}" >"$environments/python/complete"
fi
if [[ ! -e $environments/node/complete ]]; then
    rm -rf "$environments/node"
    mkdir -p "$environments/node"
    (cd "$environments/node" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund "$node_package")
    touch "$environments/node/complete"
fi
DAYTONA_TELEMETRY_NODE=$environments/node exec "$environments/python/bin/python" -m pytest -q --rootdir "$here" "$here" "$@"
