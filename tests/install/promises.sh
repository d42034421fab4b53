# Sourced by the tests of this directory: what every package promises.

# The newest C library that a native file may need.
newest_glibc=2.17
# Of an SDK, what is downloaded and what is installed; of the engine's program, what is downloaded. In MB of 1,000,000 bytes.
sdk_download=6 sdk_installed=16 local_download=17
# Go's is linked where it is used: what is installed tells the linker how, and is larger than what comes of it.
go_download=12 go_installed=40

# native FILE…: needs no newer C library, names no directory of the machine that built it, has no symbols but those it offers.
native() {
    local file newest places
    places=$(printf '%s\n' "$repository" "${CARGO_HOME:-$HOME/.cargo}" .cargo/registry /registry/src/)
    for file in "$@"; do
        if grep -qaF "$places" "$file"; then
            echo "$file names directories of the machine that built it:"
            grep -aoE "[[:print:]]*($(paste -sd'|' <<<"$places"))[[:print:]]{0,80}" "$file" | sort | uniq -c | sed -n 1,10p
            return 1
        fi
        [[ $(head -c 4 "$file") == $'\x7fELF' ]] || continue
        newest=$(objdump -T "$file" | grep -oE '\(?GLIBC_[0-9.]+' | tr -d '(' | sort -Vu | tail -n 1)
        if [[ $(printf '%s\n' "GLIBC_$newest_glibc" "$newest" | sort -V | tail -n 1) != "GLIBC_$newest_glibc" ]]; then
            echo "$file needs ${newest/_/ }, promised is $newest_glibc:"
            objdump -T "$file" | grep -F "$newest"
            return 1
        fi
        if grep -q ' \.symtab ' <<<"$(readelf -S --wide "$file")"; then
            echo "$file is not stripped"
            return 1
        fi
        # A host that ends threads by unwinding them must meet its own unwinder in our frames (scripts/cc).
        if [[ $file != */daytona ]] && ! grep -q 'NEEDED.*libgcc_s' <<<"$(readelf -d --wide "$file")"; then
            echo "$file has an unwinder of its own"
            return 1
        fi
    done
}

# at_most WHAT LIMIT PATH…: files and directories together have at most so many MB.
at_most() {
    local what=$1 limit=$2 bytes
    shift 2
    bytes=$(du --apparent-size --block-size=1 --summarize --total "$@" | tail -n 1 | cut -f 1)
    printf '%s: %d.%d MB of %d\n' "$what" $((bytes / 1000000)) $((bytes / 100000 % 10)) "$limit"
    ((bytes <= limit * 1000000))
}

# terms FILE…: tell the licences of others.
terms() {
    local file
    for file in "$@"; do
        grep -q '^tokio [0-9.]*: MIT' "$file" && grep -q 'Permission is hereby granted' "$file" || { echo "$file does not tell the terms"; return 1; }
    done
}

# names_the_way TEXT COMMAND…: the command fails without the engine's program, and its error says what to install.
names_the_way() {
    local text=$1 said
    shift
    said=$("$@" 2>&1) && { echo "ran without the engine's program"; return 1; }
    [[ $said == *"$text"* ]] || { echo "without the engine's program: $said"; return 1; }
}
