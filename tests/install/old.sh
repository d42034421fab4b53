#!/usr/bin/env bash
# Runs what is published in a Debian 11 root, whose C library is older than this machine's: the engine's program, the npm package
# and a program with the Go module, against an engine outside. Downloads that root once, into target/bullseye. Needs root.
#
#   tests/install/old.sh [dist directory]
#
# Needs DAYTONA_LOCAL_STATE_DIR, prepared by `daytona local setup`, and DAYTONA_LOCAL_BINARY. What the packages of Python and Ruby
# need of the C library is compared in python.sh and ruby.sh; Debian 11 has no Python and no Ruby they are for.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
dist=$(cd "${1:-$repository/dist}" && pwd)
root=$repository/target/bullseye
module=github.com/daytonaio/daytona/libs/sdk-go
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ ! -f $root/complete ]]; then
    rm -rf "$root"
    debootstrap --variant=minbase --include=libstdc++6 bullseye "$root" >"$repository/target/bullseye.log" ||
        { tail -n 5 "$repository/target/bullseye.log"; exit 1; }
    touch "$root/complete"
fi

# within COMMAND…: in the root, with /trial and the state directory of this machine, and nothing of this shell.
within() {
    unshare --mount bash -euo pipefail -c '
        root=$1 work=$2 state=$3
        shift 3
        mkdir -p "$root/trial" "$root/state"
        mount --bind "$work" "$root/trial"
        mount --bind "$state" "$root/state"
        mount --rbind /proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec chroot "$root" env -i HOME=/tmp PATH=/trial/bin:/usr/bin:/bin DAYTONA_API_URL=local DAYTONA_LOCAL_STATE_DIR=/state "$@"
    ' within "$root" "$work" "$DAYTONA_LOCAL_STATE_DIR" "$@"
}

mkdir "$work/bin" "$work/node" "$work/go"
cp "$(command -v node)" "$work/bin/node"
(
    cd "$work/node"
    echo '{ "private": true }' >package.json
    npm install --offline --no-audit --no-fund --silent "$dist"/daytonaio-{sdk,local}-*.tgz
    cp "$repository"/tests/install/bundlers/{hello,program}.mjs .
)
cp "$work/node/node_modules/@daytonaio/local/daytona" "$work/bin/daytona"
(
    cd "$work/go"
    cp "$repository/examples/go/quickstart.go" .
    cp "$repository/examples/data/sales.csv" "$work"
    export GOPROXY=file://$dist/go GOSUMDB=off GOFLAGS='-mod=mod -modcacherw' GOTOOLCHAIN=local GOPATH=$work/gopath
    # zig links no unwinder by itself, as gcc does.
    export CC="python -m ziglang cc -target x86_64-linux-gnu.2.17" CGO_LDFLAGS=-lunwind
    go mod init program 2>/dev/null
    go get "$module@$(cat "$dist/go/$module/@v/list")"
    go build -o "$work/bin/quickstart" .
)

"$DAYTONA_LOCAL_BINARY" local serve --or-existing --idle-timeout 60 --state-dir "$DAYTONA_LOCAL_STATE_DIR" >"$work/engine.log" 2>&1 &
until "$DAYTONA_LOCAL_BINARY" local status --state-dir "$DAYTONA_LOCAL_STATE_DIR" >/dev/null 2>&1; do sleep 0.1; done

# Not head, which would end ldd by SIGPIPE now and then.
within ldd --version | sed -n 1p
within daytona --version
said=$(within node /trial/node/program.mjs)
[[ $said == 'hello 3 0' ]] || { echo "Node said: $said"; exit 1; }
within quickstart /trial/sales.csv
