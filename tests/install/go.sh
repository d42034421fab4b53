#!/usr/bin/env bash
# Installs the Go module into an empty module, with nothing but dist/go as its source, runs the quickstart there on the engine
# of the command beside it, and compares its public names with the promised ones.
#
#   tests/install/go.sh [dist directory]
#
# A prepared state directory may be given as DAYTONA_LOCAL_STATE_DIR; otherwise a new one is prepared, which downloads.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
source "$repository/tests/install/promises.sh"
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

sdk=$(clean go list -m -f '{{.Dir}}' "$module")
native "$sdk"/internal/ffi/lib/*/libdaytona.a
terms "$sdk/THIRD_PARTY_LICENSES.txt"
at_most 'Go module' $go_download "$dist/go/$module/@v/$version.zip"
at_most 'Go module, unpacked' $go_installed "$sdk"

# The engine is a command of its own, which the SDK finds where it is installed.
names_the_way "go install $module/cmd/daytona@latest" clean DAYTONA_LOCAL_STATE_DIR="$work/empty" ./quickstart "$repository/examples/data/sales.csv"
clean go install "$module/cmd/daytona@latest"
clean "$work/go/bin/daytona" --version
at_most 'Go command' $local_download "$dist/go/$module/cmd/daytona/@v/$version.zip"
native "$work"/.cache/daytona/*/daytona
terms "$work/go/pkg/mod/$module/cmd/daytona@$version/THIRD_PARTY_LICENSES.txt"

# The same module under its second path, with the form of List that is documented there; and both forms in the first.
mkdir -p cmd "$work/second"
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
said=$(clean CGO_ENABLED=0 go build -o "$work/uncompiled" ./cmd/query 2>&1) && { echo "built without cgo"; exit 1; }
[[ $said == *set_CGO_ENABLED_to_1* ]] || { echo "without cgo: $said"; exit 1; }

if [[ $state == "$work/state" ]]; then
    # Downloads, so with this shell's proxies and certificates.
    "$work"/.cache/daytona/*/daytona local setup --state-dir "$state"
fi
clean ./quickstart "$repository/examples/data/sales.csv"

surface=$repository/tests/surface
clean go build -C "$surface/go" -o "$work/compare" .
clean "$work/compare" "$surface/go.json" "$repository/target/surface/go.json" "$work/program"
