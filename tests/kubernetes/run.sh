#!/usr/bin/env bash
# The tests of `engine/kubernetes`: against a scripted API, and against a cluster that is started for them and ended with them.
# They are not part of `make test`: the client of Kubernetes takes minutes to build, a cluster ten more the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PWD/target/tools/venv/bin:$PATH
cluster=tests/kubernetes/cluster tools=target/tools/kubernetes chart=deploy/helm/daytona
export CARGO_TARGET_DIR=$PWD/target/kubernetes
manifest=(--manifest-path engine/kubernetes/Cargo.toml)

cargo fmt "${manifest[@]}" --check
cargo clippy --quiet --locked "${manifest[@]}" --all-targets --all-features -- -D warnings
# What is skipped or allowed in there is for the other workspace, too.
cargo deny --manifest-path engine/kubernetes/Cargo.toml --config deny.toml --locked check -A unmatched-skip \
    -A license-not-encountered -A license-exception-not-encountered bans licenses sources
cargo test --quiet --locked "${manifest[@]}"
cargo test --quiet --locked "${manifest[@]}" --features cluster --test cluster --no-run

"$cluster" tools
"$tools/helm" lint --strict "$chart"
trap '"$cluster" down' EXIT
"$cluster" up

# An image whose program in the toolbox's place does nothing until it is told to end.
work=$(mktemp -d)
mkdir -p "$work"/{bin,usr/local/bin,tmp,home/daytona}
cp "$tools/debian/bin/busybox" "$work/bin/busybox"
ln -s busybox "$work/bin/sh"
printf '%s\n' '#!/bin/sh' "trap 'exit 0' TERM" 'while :; do busybox sleep 1 & wait; done' >"$work/usr/local/bin/daytona-toolbox"
chmod 755 "$work" "$work/usr/local/bin/daytona-toolbox"
tar --create --directory "$work" --owner 0 --group 0 --file "$work.layer" .
python3 tests/kubernetes/image.py "$work.tar" daytona.invalid/stand-in:1 "$work.layer"
"$cluster" load "$work.tar"
rm -rf "$work" "$work.layer" "$work.tar"

"$cluster" run "$tools/helm" install daytona "$chart" --namespace daytona --create-namespace
"$cluster" run cargo test --quiet --locked "${manifest[@]}" --features cluster --test cluster -- --test-threads 4
