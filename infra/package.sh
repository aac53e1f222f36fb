#!/bin/sh
# Builds a zip file for AWS Lambda for each function and architecture, with checksums.
#
#   sh infra/package.sh FUNCTION…
#
# `make package` calls it. ARCHITECTURES says what to build: arm64, x86_64 or both. By default it builds those for which this
# machine has Rust's standard library. The files are target/package/FUNCTION-ARCHITECTURE.zip.
set -eu

requested=${ARCHITECTURES-}
target=${CARGO_TARGET_DIR:-target}
package=$target/package

command -v cargo-lambda >/dev/null || {
    echo "cargo-lambda, which compiles for Lambda, is not installed. Install it into .tools: make deploy-tools" >&2
    exit 1
}

# Prints Rust's target for an architecture of Lambda.
triple() {
    case $1 in
    arm64) echo aarch64-unknown-linux-gnu ;;
    x86_64) echo x86_64-unknown-linux-gnu ;;
    *)
        echo "ARCHITECTURES: expected arm64, x86_64 or both, was $1" >&2
        exit 2
        ;;
    esac
}

# Whether Rust's standard library for a target is installed. rustc knows the folder, also without rustup.
installed() {
    [ -d "$(rustc --print target-libdir --target "$1")" ]
}

architectures=
for architecture in ${requested:-arm64 x86_64}; do
    triple=$(triple "$architecture")
    if installed "$triple"; then
        architectures="$architectures $architecture"
    else
        echo "$architecture is not built: Rust's standard library for it is not installed. To install it:" >&2
        echo "    rustup target add $triple" >&2
        # If ARCHITECTURES names it, that is an error.
        [ -z "$requested" ] || exit 1
    fi
done
[ -n "$architectures" ] || exit 1

binaries=
for function in "$@"; do
    binaries="$binaries --bin $function"
done

# Removes the files of earlier builds.
rm -rf "$package"
mkdir -p "$package"
for architecture in $architectures; do
    flag=--x86-64
    [ "$architecture" = x86_64 ] || flag=--arm64
    # Not quoted, because these are several arguments. Names of functions have no spaces.
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
