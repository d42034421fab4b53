#!/usr/bin/env bash
# Installs the npm tarballs into an empty directory, runs the quickstart there, on the engine of the optional package, and compares
# the public names with the promised ones.
#
#   tests/install/node.sh [dist directory]
#
# A prepared state directory may be given as DAYTONA_LOCAL_STATE_DIR; otherwise a new one is prepared, which downloads.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
source "$repository/tests/install/promises.sh"
dist=$(cd "${1:-$repository/dist}" && pwd)
tools=$repository/node/node_modules/.bin
work=$(mktemp -d)
state=${DAYTONA_LOCAL_STATE_DIR:-$work/state}

finish() {
    if [[ $state == "$work/state" && -f $state/engine.json ]]; then
        "$work/node_modules/.bin/daytona" local stop --state-dir "$state" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# Nothing of this shell but where programs are.
clean() {
    env -i PATH="$PATH" HOME="$work" DAYTONA_API_URL=local DAYTONA_LOCAL_STATE_DIR="$state" "$@"
}

version=$(sed -n 's/^  "version": "\(.*\)",/\1/p' "$repository/node/package.json")
cd "$work"
echo '{ "private": true }' >package.json
for name in daytonaio daytona; do
    clean npm install --offline --no-audit --no-fund --silent "$dist/$name-sdk-$version.tgz"
done

echo "installed: $(ls node_modules/@daytonaio node_modules/@daytona | tr '\n' ' ')"
installed=$(find node_modules -name package.json -not -path '*/.*' | wc -l)
[[ $installed == 2 ]] || { echo "the package has dependencies: $installed packages were installed"; exit 1; }

# Both names, both module systems.
for name in @daytonaio/sdk @daytona/sdk; do
    clean node -e "const { Daytona } = require('$name'); if (typeof Daytona !== 'function') process.exit(1)"
    clean node --input-type=module -e "import { Daytona } from '$name'; if (typeof Daytona !== 'function') process.exit(1)"
done

# The types, as a strict program sees them, in both module systems.
cp "$repository/examples/typescript/quickstart.ts" quickstart.mts
echo "import { Daytona, type Sandbox } from '@daytona/sdk'; export const f = async (d: Daytona): Promise<Sandbox> => d.create();" >check.cts
"$tools/tsc" --noEmit --strict --exactOptionalPropertyTypes --module node16 --moduleResolution node16 --target es2022 \
    --lib es2022,esnext.disposable --typeRoots "$repository/node/node_modules/@types" --types node quickstart.mts check.cts

for name in daytonaio daytona; do
    native node_modules/@$name/sdk/native/*
    terms node_modules/@$name/sdk/THIRD_PARTY_LICENSES.txt
    at_most "@$name/sdk" $sdk_download "$dist/$name-sdk-$version.tgz"
    at_most "@$name/sdk, installed" $sdk_installed node_modules/@$name/sdk
done

"$tools/esbuild" quickstart.mts --log-level=warning --outfile=quickstart.mjs
names_the_way 'npm install @daytonaio/local' clean DAYTONA_LOCAL_STATE_DIR="$work/empty" node quickstart.mjs "$repository/examples/data/sales.csv"
clean npm install --offline --no-audit --no-fund --silent "$dist/daytonaio-local-$version.tgz"
at_most '@daytonaio/local' $local_download "$dist/daytonaio-local-$version.tgz"
native node_modules/@daytonaio/local/daytona
terms node_modules/@daytonaio/local/THIRD_PARTY_LICENSES.txt

clean node_modules/.bin/daytona --version
if [[ $state == "$work/state" ]]; then
    # Downloads, so with this shell's proxies and certificates.
    node_modules/.bin/daytona local setup --state-dir "$state"
fi
clean node quickstart.mjs "$repository/examples/data/sales.csv"

surface=$repository/tests/surface
clean node "$surface/typescript/surface.mjs" "$surface/typescript.json" "$repository/target/surface/typescript.json" "$work" \
    "$tools/tsc" "$repository/node/node_modules/@types"
