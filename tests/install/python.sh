#!/usr/bin/env bash
# Installs the wheels into an empty virtual environment, runs the quickstarts there, on the engine that the extra brings, and
# compares the public names with the promised ones.
#
#   tests/install/python.sh [dist directory]
#
# A prepared state directory may be given as DAYTONA_LOCAL_STATE_DIR; otherwise a new one is prepared, which downloads.
# PYTHON selects the interpreter (default: python3).
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
source "$repository/tests/install/promises.sh"
dist=$(cd "${1:-$repository/dist}" && pwd)
work=$(mktemp -d)
state=${DAYTONA_LOCAL_STATE_DIR:-$work/state}

finish() {
    if [[ $state == "$work/state" && -f $state/engine.json ]]; then
        "$work/venv/bin/daytona" local stop --state-dir "$state" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# Nothing of this shell but where programs are.
clean() {
    env -i PATH="$PATH" HOME="$work" DAYTONA_API_URL=local DAYTONA_LOCAL_STATE_DIR="$state" "$@"
}

cd "$work"
"${PYTHON:-python3}" -m venv venv
clean venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index "$dist"/daytona-*.whl

site=$(clean venv/bin/python -c 'import daytona, os; print(os.path.dirname(daytona.__file__))')
[[ $site == "$work"/venv/* ]] || { echo "the package comes from $site"; exit 1; }
requirements=$(clean venv/bin/python -c 'from importlib.metadata import requires; print(requires("daytona") or "")')
[[ $requirements == *"extra == 'local'"* && $requirements != *,* ]] || { echo "the package has dependencies: $requirements"; exit 1; }
[[ -f $site/py.typed ]] || { echo "types are missing from $site"; exit 1; }
stray=$(find "$site" -name '*.so*' ! -name '_daytona.abi3.so')
[[ -z $stray ]] || { echo "there are other libraries: $stray"; exit 1; }
native "$site"/_daytona.abi3.so
terms "$site"/../daytona-*.dist-info/licenses/THIRD_PARTY_LICENSES.txt
at_most 'wheel' $sdk_download "$dist"/daytona-*.whl
find "$site/.." -name __pycache__ -prune -exec rm -rf {} +
at_most 'wheel, installed' $sdk_installed "$site"/../daytona*

cp "$repository"/examples/python/quickstart{,_async}.py "$repository/examples/data/sales.csv" .
names_the_way "pip install 'daytona[local]'" clean DAYTONA_LOCAL_STATE_DIR="$work/empty" venv/bin/python quickstart.py
names_the_way "pip install 'daytona[local]'" clean venv/bin/daytona --version
clean venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links "$dist" 'daytona[local]'
at_most 'wheel of the local engine' $local_download "$dist"/daytona_local-*.whl
native "$site"/../daytona_local/daytona
terms "$site"/../daytona_local-*.dist-info/licenses/THIRD_PARTY_LICENSES.txt

clean venv/bin/daytona --version
if [[ $state == "$work/state" ]]; then
    # Downloads, so with this shell's proxies and certificates.
    venv/bin/daytona local setup --state-dir "$state"
fi
clean venv/bin/python quickstart.py sales.csv
clean venv/bin/python quickstart_async.py sales.csv

surface=$repository/tests/surface
clean venv/bin/python "$surface/python/surface.py" "$surface/python.json" "$repository/target/surface/python.json"
