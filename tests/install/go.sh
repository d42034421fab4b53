#!/usr/bin/env bash
# Installs the Go module into an empty module, with nothing but dist/go as its source, runs the quickstart there on the engine
# the module brings, and compares its public names with the promised ones.
#
#   tests/install/go.sh [dist directory]
#
# A prepared state directory may be given as DAYTONA_LOCAL_STATE_DIR; otherwise a new one is prepared, which downloads.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
dist=$(cd "${1:-$repository/dist}" && pwd)
module=github.com/daytonaio/daytona/libs/sdk-go
version=$(cat "$dist/go/$module/@v/list")
work=$(mktemp -d)
state=${DAYTONA_LOCAL_STATE_DIR:-$work/state}
running=$([[ -f $state/engine.json ]] && echo yes || echo no)

finish() {
    # An engine that this script started ran the program it is about to remove.
    if [[ $running == no && -f $state/engine.json ]]; then
        "$work"/.cache/daytona/*/daytona local stop --state-dir "$state" || true
    fi
    # Again when the ending engine was still removing the same files.
    rm -rf "$work" 2>/dev/null || rm -rf "$work"
}
trap finish EXIT

# Nothing of this shell but where programs are; modules come from dist/ only.
clean() {
    env -i PATH="$PATH" HOME="$work" GOPROXY="file://$dist/go" GOSUMDB=off GOFLAGS='-mod=mod -modcacherw' GOTOOLCHAIN=local \
        DAYTONA_API_URL=local DAYTONA_LOCAL_STATE_DIR="$state" "$@"
}

mkdir "$work/program"
cd "$work/program"
cp "$repository/examples/go/quickstart.go" .
clean go mod init program 2>/dev/null
clean go get "$module@$version"
[[ $(clean go list -m all | wc -l) == 2 ]] || { echo "the module has dependencies: $(clean go list -m all)"; exit 1; }
clean go vet ./...
clean go build -o quickstart .
echo "installed: $module $version, quickstart has $(stat -c %s quickstart) bytes"

# Making a local client unpacks the engine.
mkdir "$work/unpack"
cat >"$work/unpack/main.go" <<'GO'
package main

import "github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"

func main() {
	if _, err := daytona.NewLocalClient(); err != nil {
		panic(err)
	}
}
GO
mkdir cmd && mv "$work/unpack" cmd/unpack
clean go run ./cmd/unpack
clean "$work"/.cache/daytona/*/daytona --version

# Programs that never use the local engine leave it out, and still build and run.
clean go build -tags daytona_no_engine -o small ./cmd/unpack
clean ./small
(($(stat -c %s small) < $(stat -c %s quickstart))) || { echo "daytona_no_engine makes nothing smaller"; exit 1; }

# The same module under its second path, with the form of List that is documented there; and both forms in the first.
mkdir "$work/second"
cat >"$work/second/main.go" <<'GO'
package main

import (
	"context"

	"github.com/daytona/clients/sdk-go/pkg/daytona"
)

func main() {
	client, err := daytona.NewLocalClient()
	if err != nil {
		panic(err)
	}
	var _ *daytona.SandboxIterator = client.List(context.Background(), &daytona.ListSandboxesQuery{})
}
GO
(
    cd "$work/second"
    clean go mod init second 2>/dev/null
    clean go get "github.com/daytona/clients/sdk-go@$version"
    clean go run .
)
mkdir cmd/query && sed 's#github.com/daytona/clients#github.com/daytonaio/daytona/libs#' "$work/second/main.go" >cmd/query/main.go
clean go build -tags daytona_list_query -o "$work/query" ./cmd/query

# A build that cannot work says what to do.
said=$(clean CGO_ENABLED=0 go build ./cmd/unpack 2>&1) && { echo "built without cgo"; exit 1; }
[[ $said == *set_CGO_ENABLED_to_1* ]] || { echo "without cgo: $said"; exit 1; }

if [[ $state == "$work/state" ]]; then
    # Downloads, so with this shell's proxies and certificates.
    "$work"/.cache/daytona/*/daytona local setup --state-dir "$state"
fi
clean ./quickstart "$repository/examples/data/sales.csv"

surface=$repository/tests/surface
clean go build -C "$surface/go" -o "$work/compare" .
clean "$work/compare" "$surface/go.json" "$repository/target/surface/go.json" "$work/program"
