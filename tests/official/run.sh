#!/usr/bin/env bash
# Drives the local engine with Daytona's released SDKs, as proof that programs written for them run on it unchanged: today's
# against the newest contract, and the one of release 0.190 against an engine that answers as that server did.
#
# Needs DAYTONA_LOCAL_BINARY (the `daytona` program) and DAYTONA_LOCAL_STATE_DIR (a state directory whose snapshot is prepared).
# The SDKs are installed once, below target/official. The last line is "N passed, N failed"; fails unless N failed is 0.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${DAYTONA_LOCAL_BINARY:?must name the daytona program}" "${DAYTONA_LOCAL_STATE_DIR:?must name a state directory}"
environments=${here%/tests/official}/target/official
python_sdk=daytona==0.226.1
older_sdk=daytona==0.190.0
boto3=boto3==1.44.8
node_sdk=@daytonaio/sdk@0.218.0

# A directory and the packages that it is to have.
python_environment() {
    local directory=$1 stamp
    shift
    stamp=$directory/$(IFS=,; echo "$*")
    [[ -e $stamp ]] && return
    rm -rf "$directory"
    python3 -m venv "$directory"
    "$directory/bin/pip" install --quiet --disable-pip-version-check "$@"
    touch "$stamp"
}
python_environment "$environments/python" "$python_sdk" "$boto3"
python_environment "$environments/older" "$older_sdk"
if [[ ! -e $environments/node/${node_sdk//\//-} ]]; then
    rm -rf "$environments/node"
    mkdir -p "$environments/node"
    (cd "$environments/node" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund "$node_sdk")
    touch "$environments/node/${node_sdk//\//-}"
fi

# Lets the SDKs talk to an engine of a state directory. One that is already running stays; ours ends when it is idle.
use_engine() {
    "$DAYTONA_LOCAL_BINARY" local --state-dir "$1" serve --or-existing --idle-timeout 60 --compat "$2" >/dev/null 2>&1 &
    for _ in $(seq 2400); do
        "$DAYTONA_LOCAL_BINARY" local --state-dir "$1" status >/dev/null 2>&1 && break
        sleep 0.05
    done
    field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1/engine.json" "$2"; }
    DAYTONA_API_URL=$(field "$1" apiUrl)
    DAYTONA_API_KEY=$(field "$1" apiKey)
    export DAYTONA_API_URL DAYTONA_API_KEY
}
unset DAYTONA_TARGET DAYTONA_ORGANIZATION_ID DAYTONA_JWT_TOKEN

results=$(mktemp)
trap 'rm -f "$results"' EXIT
# A program that dies without a word about it is a failure of its own.
scenarios() {
    echo "== $1"
    shift
    timeout 900 "$@" 2>&1 | tee -a "$results" || echo "FAILED ${*: -1}: exit status ${PIPESTATUS[0]}" | tee -a "$results"
}
use_engine "$DAYTONA_LOCAL_STATE_DIR" newest
scenarios 'Python' "$environments/python/bin/python" "$here/scenarios.py"
scenarios 'Python, asynchronous' "$environments/python/bin/python" "$here/scenarios_async.py"
scenarios 'Object storage' "$environments/python/bin/python" "$here/storage.py"
# Packages are found from the directory of the importing file.
install -m 644 "$here"/*.mjs "$environments/node/"
scenarios 'TypeScript' node "$environments/node/scenarios.mjs"

older_state=$DAYTONA_LOCAL_STATE_DIR-0.190
if [[ ! -d $older_state/snapshots ]]; then
    mkdir -p "$older_state"
    chmod 700 "$older_state"
    # What setup has installed is the same there: links keep it once.
    cp -al "$DAYTONA_LOCAL_STATE_DIR/snapshots" "$older_state/"
fi
use_engine "$older_state" 0.190
scenarios 'Python, as 0.190' "$environments/older/bin/python" "$here/older.py"

passed=$(grep -c '^ok ' "$results" || true)
failed=$(grep -c '^FAILED ' "$results" || true)
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
