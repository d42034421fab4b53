#!/usr/bin/env bash
# Drives the local engine with Daytona's released SDKs, as proof that programs written for them run on it unchanged.
#
# Needs DAYTONA_LOCAL_BINARY (the `daytona` program) and DAYTONA_LOCAL_STATE_DIR (a state directory whose snapshot is prepared).
# The SDKs are installed once, below target/official. The last line is "N passed, N failed"; fails unless N failed is 0.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${DAYTONA_LOCAL_BINARY:?must name the daytona program}" "${DAYTONA_LOCAL_STATE_DIR:?must name a state directory}"
environments=${here%/tests/official}/target/official
python_sdk=daytona==0.226.1
node_sdk=@daytonaio/sdk@0.218.0

if [[ ! -e $environments/python/$python_sdk ]]; then
    rm -rf "$environments/python"
    python3 -m venv "$environments/python"
    "$environments/python/bin/pip" install --quiet --disable-pip-version-check "$python_sdk"
    touch "$environments/python/$python_sdk"
fi
if [[ ! -e $environments/node/${node_sdk//\//-} ]]; then
    rm -rf "$environments/node"
    mkdir -p "$environments/node"
    (cd "$environments/node" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund "$node_sdk")
    touch "$environments/node/${node_sdk//\//-}"
fi

# An engine that is already running stays; ours ends when it is not used any more.
"$DAYTONA_LOCAL_BINARY" local --state-dir "$DAYTONA_LOCAL_STATE_DIR" serve --or-existing --idle-timeout 60 >/dev/null 2>&1 &
field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$DAYTONA_LOCAL_STATE_DIR/engine.json" "$1"; }
for _ in $(seq 200); do
    "$DAYTONA_LOCAL_BINARY" local --state-dir "$DAYTONA_LOCAL_STATE_DIR" status >/dev/null 2>&1 && break
    sleep 0.05
done
DAYTONA_API_URL=$(field apiUrl)
DAYTONA_API_KEY=$(field apiKey)
export DAYTONA_API_URL DAYTONA_API_KEY
unset DAYTONA_TARGET DAYTONA_ORGANIZATION_ID DAYTONA_JWT_TOKEN

results=$(mktemp)
trap 'rm -f "$results"' EXIT
# A program that dies without a word about it is a failure of its own.
scenarios() {
    echo "== $1"
    shift
    timeout 300 "$@" 2>&1 | tee -a "$results" || echo "FAILED ${*: -1}: exit status ${PIPESTATUS[0]}" | tee -a "$results"
}
scenarios 'Python' "$environments/python/bin/python" "$here/scenarios.py"
scenarios 'Python, asynchronous' "$environments/python/bin/python" "$here/scenarios_async.py"
# Packages are found from the directory of the importing file.
install -m 644 "$here"/*.mjs "$environments/node/"
scenarios 'TypeScript' node "$environments/node/scenarios.mjs"

passed=$(grep -c '^ok ' "$results" || true)
failed=$(grep -c '^FAILED ' "$results" || true)
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
