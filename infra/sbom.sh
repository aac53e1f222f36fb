#!/bin/sh
# Writes a bill of materials (CycloneDX) for each function to target/sbom.
#
#   sh infra/sbom.sh TOOLS VERSION FUNCTION…
#
# `make sbom` calls it. TOOLS is the folder to install cargo-cyclonedx into, and VERSION is its version.
set -eu
tools=$1 version=$2
shift 2

cargo install --quiet --locked --root "$tools" "cargo-cyclonedx@$version"

sbom=${CARGO_TARGET_DIR:-target}/sbom
rm -rf "$sbom"
mkdir -p "$sbom"
for function in "$@"; do
    # It writes a file next to each Cargo.toml that it reads. Dependencies that are only for builds or tests are left out.
    cargo cyclonedx --quiet --manifest-path "crates/$function/Cargo.toml" --format json --spec-version 1.5 \
        --target aarch64-unknown-linux-gnu --no-build-deps --override-filename greenlight.cdx
    mv "crates/$function/greenlight.cdx.json" "$sbom/$function.cdx.json"
done
find crates tests -name greenlight.cdx.json -exec rm {} +
ls -l "$sbom"
