#!/usr/bin/env bash
# Generates the Kotlin side, compiles it with the flows and the test, and runs that against the server of the environment. Looks at
# the comments of the Swift side, for which there is no compiler here. Needs the library and uniffi-bindgen of the profile PROFILE
# (default: debug), and what `make setup` has put into target/tools/maven; `fetch` as the argument puts it there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
built=$root/target/${PROFILE:-debug}
work=$root/target/kotlin
repository=$root/target/tools/maven

maven() {
    mvn --quiet --batch-mode --no-transfer-progress --file "$here/pom.xml" "-Dmaven.repo.local=$repository" "$@"
}

# The file of a dependency: its group's directory and its name; its version is in pom.xml.
jar() {
    local version
    version=$(grep -A 1 "<artifactId>$2</artifactId>" "$here/pom.xml" | sed -n 's|.*<version>\(.*\)</version>|\1|p')
    echo "$repository/$1/$2/$version/$2-$version.jar"
}

if [[ ${1-} == fetch ]]; then
    # Resolves what the test resolves, by compiling an empty program.
    rm -rf "$work"
    mkdir -p "$work/generated"
    echo 'package io.daytona; fun main() {}' >"$work/generated/Test.kt"
    maven "-Dsources=$work/generated" compile
    exit
fi

rm -rf "$work"
cd "$here/.."
for language in kotlin swift; do
    "$built/uniffi-bindgen" generate "$built/libdaytona_uniffi.so" --language $language --no-format --out-dir "$work/$language"
done

# Comments nest in Kotlin and Swift: one that holds the beginning of another is never closed.
python3 - "$work"/kotlin/io/daytona/daytona.kt "$work"/swift/Daytona.swift <<'PYTHON'
import re, sys

for file in sys.argv[1:]:
    text = open(file, encoding="utf-8").read()
    signs = list(re.finditer(r"/\*|\*/", text))
    assert len(signs) > 1000, f"{file} has {len(signs)} comment signs"
    for index, sign in enumerate(signs):
        expected = ("/*", "*/")[index % 2]
        assert sign[0] == expected, f"{file}: {text[sign.start() - 80 : sign.end() + 20]}"
PYTHON

maven --offline compile
classpath=$work/maven/classes:$(jar org/jetbrains/kotlin kotlin-stdlib):$(jar net/java/dev/jna jna)
classpath+=:$(jar org/jetbrains/kotlinx kotlinx-coroutines-core-jvm)
java "-Djna.library.path=$built" -cp "$classpath" io.daytona.TestKt
