#!/usr/bin/env bash
# Installs the gems into an empty GEM_HOME, without a compiler, runs the quickstart there on the engine of the second one, and
# compares the public names with the promised ones.
#
#   tests/install/ruby.sh [dist directory]
#
# A prepared state directory may be given as DAYTONA_LOCAL_STATE_DIR; otherwise a new one is prepared, which downloads.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
source "$repository/tests/install/promises.sh"
dist=$(cd "${1:-$repository/dist}" && pwd)
gem=$(echo "$dist"/daytona-[0-9]*.gem)
work=$(mktemp -d)
state=${DAYTONA_LOCAL_STATE_DIR:-$work/state}

finish() {
    if [[ $state == "$work/state" && -f $state/engine.json ]]; then
        clean daytona local stop --state-dir "$state" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# Nothing of this shell but where programs are.
clean() {
    env -i PATH="$work/gems/bin:$PATH" HOME="$work" GEM_HOME="$work/gems" GEM_PATH="$work/gems" \
        DAYTONA_API_URL=local DAYTONA_LOCAL_STATE_DIR="$state" "$@"
}

# Installing needs Ruby and nothing else: no compiler, no network.
mkdir -p "$work/bin" "$work/gems"
ln -s "$(command -v ruby)" "$(command -v gem)" "$work/bin/"
clean env PATH="$work/bin" gem install --local --no-document --silent "$gem"

cd "$work"
installed=$(clean gem list --no-versions --no-details 2>/dev/null | grep -cFx daytona)
[[ $installed == 1 && $(find gems/gems -mindepth 1 -maxdepth 1 | wc -l) == 1 ]] || { echo "the gem has dependencies: $(ls gems/gems)"; exit 1; }
echo "installed: $(ls gems/gems)"
installed=gems/gems/daytona-[0-9]*
native $installed/lib/daytona/daytona_native.so
terms $installed/THIRD_PARTY_LICENSES.txt
at_most 'gem' $sdk_download "$gem"
at_most 'gem, installed' $sdk_installed $installed

cp "$repository/examples/ruby/quickstart.rb" .
names_the_way 'gem install daytona-local' clean DAYTONA_LOCAL_STATE_DIR="$work/empty" ruby -w quickstart.rb "$repository/examples/data/sales.csv"
clean env PATH="$work/bin" gem install --local --no-document --silent "$dist"/daytona-local-*.gem
at_most 'gem of the local engine' $local_download "$dist"/daytona-local-*.gem
native gems/gems/daytona-local-*/libexec/daytona
terms gems/gems/daytona-local-*/THIRD_PARTY_LICENSES.txt

clean ruby -w -e 'require "daytona"; puts Daytona::VERSION'
clean daytona --version
if [[ $state == "$work/state" ]]; then
    # Downloads, so with this shell's proxies and certificates.
    gems/gems/daytona-local-*/libexec/daytona local setup --state-dir "$state"
fi
clean ruby -w quickstart.rb "$repository/examples/data/sales.csv"

surface=$repository/tests/surface
clean ruby -w "$surface/ruby/surface.rb" "$surface/ruby.json" "$repository/target/surface/ruby.json"
