#!/bin/sh
# What the functions are made of: a CycloneDX file for each, in target/sbom.
#
#   sh infra/sbom.sh TOOLS VERSION FUNCTION…
#
# `make sbom` calls it, with the folder to install cargo-cyclonedx into and its version.
set -eu
tools=$1 version=$2
shift 2

cargo install --quiet --locked --root "$tools" "cargo-cyclonedx@$version"

sbom=${CARGO_TARGET_DIR:-target}/sbom
rm -rf "$sbom"
mkdir -p "$sbom"
for function in "$@"; do
    # It writes beside each Cargo.toml of the workspace that it reads. Without the crates that only build or test.
    cargo cyclonedx --quiet --manifest-path "crates/$function/Cargo.toml" --format json --spec-version 1.5 \
        --target aarch64-unknown-linux-gnu --no-build-deps --override-filename greenlight.cdx
    mv "crates/$function/greenlight.cdx.json" "$sbom/$function.cdx.json"
done
find crates tests -name greenlight.cdx.json -exec rm {} +
ls -l "$sbom"
