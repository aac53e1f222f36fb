#!/bin/sh
# Deploys the functions' stack with SAM to MiniStack, an AWS emulator by other authors, and invokes the functions there as
# CodeDeploy does. `make emulator-test` calls it. CONTRIBUTING.md says what this tests and what it does not.
#
# `sam build` makes debug builds here, because release builds take ten minutes. For release builds, set SAM_BUILD_MODE to an
# empty value.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
emulator=
end() {
    if [ -n "$emulator" ]; then
        kill "$emulator" 2>/dev/null || true
        wait "$emulator" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

architecture=$(uname -m | sed 's/^aarch64$/arm64/')
# The test uses no profile and no credentials of this machine.
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null SAM_CLI_TELEMETRY=0
export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_ACCESS_KEY_ID=emulator AWS_SECRET_ACCESS_KEY=emulator

mode=${SAM_BUILD_MODE-debug}
echo "sam build, for $architecture, ${mode:-release} builds"
parameters="Mode=enforce Suffix=emulated Architecture=$architecture Application=shop DeploymentGroup=web Cluster=shop Service=web"
# Not quoted, because these are several parameters. None of them has a space.
# shellcheck disable=SC2086
SAM_BUILD_MODE=$mode CARGO_PROFILE_DEV_STRIP=symbols sam build --template infra/template.yaml --build-dir "$work/build" \
    --parameter-overrides $parameters

# The emulator does not support an alarm on a sum of metrics, and would reject the stack.
awk '/^[A-Za-z]/ || /^  [A-Za-z]/ { out = $1 == "RecordsLost:" } !out' "$work/build/template.yaml" >"$work/build/emulated.yaml"

port=$("$TOOLS/ministack/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
# The functions inherit the emulator's environment, so it gets only the variables that it needs.
env -i PATH=/usr/bin:/bin HOME="$work" TMPDIR="$work" BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" STATE_DIR="$work/state" \
    S3_DATA_DIR="$work/s3" MINISTACK_REGION="$AWS_REGION" "$TOOLS/ministack/bin/ministack" >"$work/emulator.log" 2>&1 &
emulator=$!

# Waits until the emulator listens, and creates the bucket that SAM uploads to.
"$TOOLS/ministack/bin/python" - "$url" <<'END' || { cat "$work/emulator.log" >&2; exit 1; }
import sys, time, urllib.request
for _ in range(600):
    try:
        urllib.request.urlopen(sys.argv[1] + "/_ministack/health")
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit("the emulator did not start to listen within a minute")
urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/greenlight-packages", method="PUT"))
END

echo "sam deploy, to the emulator"
# shellcheck disable=SC2086
AWS_ENDPOINT_URL=$url sam deploy --template-file "$work/build/emulated.yaml" --stack-name greenlight-emulated \
    --s3-bucket greenlight-packages --capabilities CAPABILITY_IAM --no-progressbar --no-confirm-changeset \
    --parameter-overrides $parameters

GREENLIGHT_EMULATOR=127.0.0.1:$port GREENLIGHT_EMULATOR_STACK=greenlight-emulated \
    cargo test --locked --package greenlight-tests --features emulator --test emulator || {
    tail -n 100 "$work/emulator.log" >&2
    exit 1
}
