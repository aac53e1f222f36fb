#!/bin/sh
# The functions as zip files for AWS Lambda, one for each function and architecture, with their checksums.
#
#   sh infra/package.sh FUNCTION…
#
# `make package` calls it. ARCHITECTURES (arm64, x86_64 or both) is what to build; without it, each for which this machine
# has Rust's standard library. They go to target/package/FUNCTION-ARCHITECTURE.zip.
set -eu

asked=${ARCHITECTURES-}
target=${CARGO_TARGET_DIR:-target}
package=$target/package

command -v cargo-lambda >/dev/null || {
    echo "cargo-lambda is not installed; it cross-compiles and zips. Install it into .tools: make deploy-tools" >&2
    exit 1
}

# Rust's name for an architecture of Lambda's.
triple() {
    case $1 in
    arm64) echo aarch64-unknown-linux-gnu ;;
    x86_64) echo x86_64-unknown-linux-gnu ;;
    *)
        echo "ARCHITECTURES: $1 is none of Lambda's architectures, arm64 and x86_64" >&2
        exit 2
        ;;
    esac
}

# Where the standard library for a target would be; asked of rustc, so that it holds without rustup as well.
installed() {
    [ -d "$(rustc --print target-libdir --target "$1")" ]
}

architectures=
for architecture in ${asked:-arm64 x86_64}; do
    triple=$(triple "$architecture")
    if installed "$triple"; then
        architectures="$architectures $architecture"
    else
        echo "$architecture is left out: Rust's standard library for it is not installed. To have it:" >&2
        echo "    rustup target add $triple" >&2
        # What was asked for by name and is not there is a failure.
        [ -z "$asked" ] || exit 1
    fi
done
[ -n "$architectures" ] || exit 1

binaries=
for function in "$@"; do
    binaries="$binaries --bin $function"
done

# Whatever else is there is of another build.
rm -rf "$package"
mkdir -p "$package"
for architecture in $architectures; do
    flag=--x86-64
    [ "$architecture" = x86_64 ] || flag=--arm64
    # Not quoted: names of functions have no spaces.
    # shellcheck disable=SC2086
    cargo lambda build --locked --release "$flag" --output-format zip $binaries
    for function in "$@"; do
        cp "$target/lambda/$function/bootstrap.zip" "$package/$function-$architecture.zip"
    done
done

cd "$package"
if command -v sha256sum >/dev/null; then
    sha256sum -- *.zip >SHA256SUMS
else
    shasum -a 256 -- *.zip >SHA256SUMS
fi
echo "$package:"
for zip in *.zip; do
    wc -c <"$zip" | awk -v name="$zip" '{ printf "%8.2f MB  %s\n", $1 / 1e6, name }'
done
