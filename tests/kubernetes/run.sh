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
cargo clippy --quiet "${manifest[@]}" --all-targets --all-features -- -D warnings
# What is skipped or allowed in there is for the other workspace, too. Two versions of a package are no matter here: nothing of this is
# in what is published.
cargo deny --manifest-path engine/kubernetes/Cargo.toml --config deny.toml check -A duplicate -A unmatched-skip \
    -A license-not-encountered -A license-exception-not-encountered bans licenses sources
cargo test --quiet "${manifest[@]}"
cargo test --quiet "${manifest[@]}" --features cluster --test cluster --no-run

# Linked statically, as it is for any image.
cargo rustc --quiet --locked --package daytona-remote-toolbox --bin daytona-toolbox -- -C target-feature=+crt-static

"$cluster" tools
"$tools/helm" lint --strict "$chart"
trap '"$cluster" down' EXIT
"$cluster" up

tests/kubernetes/images "$CARGO_TARGET_DIR/debug/daytona-toolbox"
"$cluster" run "$tools/helm" install daytona "$chart" --namespace daytona --create-namespace
"$cluster" run cargo test --quiet "${manifest[@]}" --features cluster --test cluster -- --test-threads 4
