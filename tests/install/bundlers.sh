#!/usr/bin/env bash
# Runs the npm package in other runtimes and out of bundles: Bun, Deno, esbuild, webpack, vitest, Next.js, and the layout of
# an Electron program. Downloads those, into target/bundlers.
#
#   tests/install/bundlers.sh [dist directory]
#
# Needs DAYTONA_LOCAL_STATE_DIR, prepared by `daytona local setup`.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
dist=$(cd "${1:-$repository/dist}" && pwd)
work=$repository/target/bundlers
tools=$work/node_modules/.bin
elsewhere=$(mktemp -d)
server=

finish() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
    fi
    rm -rf "$elsewhere"
}
trap finish EXIT

# Nothing of this shell but where programs are.
clean() {
    env -i PATH="$PATH" HOME="$elsewhere" DAYTONA_API_URL=local DAYTONA_LOCAL_STATE_DIR="$DAYTONA_LOCAL_STATE_DIR" \
        NEXT_TELEMETRY_DISABLED=1 timeout 300 "$@"
}

# expect <what> <output> <command…>
expect() {
    local what=$1 output=$2 said
    shift 2
    said=$(clean "$@" 2>&1) || { echo "$what failed: $said"; exit 1; }
    [[ $said == *"$output"* ]] || { echo "$what said: $said"; exit 1; }
    echo "runs in: $what"
}

mkdir -p "$work"
cp -r "$repository"/tests/install/bundlers/. "$work"
cd "$work"
rm -rf node_modules/@daytonaio bundle .next
# With this shell's proxies and certificates.
npm install --no-audit --no-fund --no-save --no-package-lock --prefer-offline --silent "$dist"/daytonaio-{sdk,local}-*.tgz

for runtime in node "$tools/bun" "$tools/deno run --allow-all"; do
    name=$(basename "${runtime%% *}")
    expect "$name" 'hello 3 0' $runtime program.mjs
    expect "$name, after a worker was ended" 'hello 3' $runtime worker.mjs
done

bundle() {
    "$tools/esbuild" program.mjs --bundle --platform=node --log-level=error "$@"
}

# With the package outside, in either module system; and with the package inside, which finds its files in node_modules.
bundle --format=esm --external:@daytonaio/sdk --outfile=bundle/external.mjs
bundle --format=cjs --outfile=bundle/inside.cjs
bundle --format=esm --outfile=bundle/inside.mjs
for file in external.mjs inside.cjs inside.mjs; do
    expect "esbuild: $file" 'hello 3 0' node "bundle/$file"
done
cat >webpack.mjs <<'JS'
import webpack from 'webpack';

webpack({ mode: 'production', target: 'node', entry: './program.mjs', output: { path: `${process.cwd()}/bundle`, filename: 'webpack.cjs' } },
  (error, stats) => {
    if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
  });
JS
clean node webpack.mjs
expect 'webpack' 'hello 3 0' node bundle/webpack.cjs

# Somewhere else: with the package's files copied beside the bundle; without them the error says what to do; and unpacked beside
# an archive, as Electron does it.
cp bundle/inside.cjs "$elsewhere/program.cjs"
said=$(clean node "$elsewhere/program.cjs" 2>&1) && { echo "a bundle without the native library said: $said"; exit 1; }
[[ $said == *"$elsewhere/native"*serverExternalPackages* ]] || { echo "a bundle without the native library said: $said"; exit 1; }
cp -r node_modules/@daytonaio/sdk/native "$elsewhere/native"
cp node_modules/@daytonaio/local/daytona "$elsewhere/native"
expect 'a bundle with its files beside it' 'hello 3 0' node "$elsewhere/program.cjs"
mkdir -p "$elsewhere/app.asar/dist" "$elsewhere/app.asar.unpacked"
mv "$elsewhere/program.cjs" "$elsewhere/app.asar/dist"
mv "$elsewhere/native" "$elsewhere/app.asar.unpacked"
expect 'the layout of Electron' 'hello 3 0' node "$elsewhere/app.asar/dist/program.cjs"

expect 'vitest' '1 passed' "$tools/vitest" run program.test.mjs

clean "$tools/next" build >"$elsewhere/build" 2>&1 || { cat "$elsewhere/build"; exit 1; }
clean "$tools/next" start --port 0 >"$elsewhere/log" 2>&1 &
server=$!
until url=$(grep -om1 'http://localhost:[0-9]*' "$elsewhere/log"); do
    kill -0 "$server" 2>/dev/null || { cat "$elsewhere/log"; exit 1; }
    sleep 0.2
done
said=$(curl --silent --show-error --noproxy '*' --max-time 120 "$url")
[[ $said == 'hello 3' ]] || { echo "Next.js said: $said"; cat "$elsewhere/log"; exit 1; }
echo 'runs in: Next.js'
