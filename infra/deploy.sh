#!/bin/sh
# Builds the functions and deploys their stack, infra/template.yaml, with AWS SAM.
#
# `make deploy` calls it. The first time it asks what the functions guard and writes the answers to infra/samconfig.toml,
# which git ignores; from then on the file is what counts. Before anything changes, SAM shows the change set and asks.
set -eu
cd "$(dirname "$0")"
config=samconfig.toml

fail() {
    echo "$1" >&2
    exit 1
}

command -v sam >/dev/null || fail "sam, AWS's command line for Lambda, is not installed. Install it into .tools: make deploy-tools"
command -v cargo-lambda >/dev/null || fail "cargo-lambda, which compiles for Lambda, is not installed. Install it into .tools: make deploy-tools"

# boto3 reads the older of the two names alone.
[ -z "${AWS_REGION-}" ] || export AWS_DEFAULT_REGION="$AWS_REGION"

# sam's own Python has boto3, so the aws command line need not be there.
python=$(sed -n '1s/^#! *//p' "$(command -v sam)")
whoami='
import boto3, botocore.exceptions, sys
try:
    session = boto3.Session()
    if not session.region_name:
        sys.exit("no region: set AWS_REGION, or one in your AWS profile")
    print(session.region_name, session.client("sts").get_caller_identity()["Arn"])
except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
    sys.exit(f"no credentials that AWS accepts ({error}): set AWS_PROFILE, or sign in with aws sso login")
'
if [ -x "$python" ]; then
    identity=$("$python" -c "$whoami") || exit 1
else
    # Installed in another way than with pip; then sam itself has to tell.
    identity="${AWS_DEFAULT_REGION-} -"
fi
region=${identity%% *}

# A question with its answer if there is none.
ask() {
    printf '%s [%s]: ' "$1" "$2" >&2
    read -r answer || fail "
Without a terminal nobody can be asked; run make deploy at one, or bring the infra/$config that it wrote."
    echo "${answer:-$2}"
}

# A value that is safe between the quotation marks of the file.
word() {
    case $2 in
    '' | *[!A-Za-z0-9_.:/*-]*) fail "$1: '$2' has to be a name, or a pattern with *" ;;
    esac
}

if [ ! -e $config ]; then
    echo "The first deployment: what shall the functions guard? A name, or a pattern such as shop-*."
    echo "Their roles can see and answer for this and nothing else."
    application=$(ask "CodeDeploy application" "greenlight-example")
    group=$(ask "Deployment group" "*")
    cluster=$(ask "ECS cluster" "$application")
    service=$(ask "ECS service" "*")
    suffix=$(ask "Suffix: the functions are called CodeDeployHook_SUFFIX-before-install and so on" "greenlight")
    architecture=$(ask "Architecture (arm64, x86_64)" "arm64")
    region=$(ask "Region" "$region")
    for value in "$application" "$group" "$cluster" "$service" "$suffix" "$architecture" "$region"; do
        word "That" "$value"
    done
    cat >$config <<END
# Written by make deploy. Further parameters of template.yaml can be added to the list.
version = 0.1

[default.global.parameters]
stack_name = "CodeDeployHooks-$suffix"
region = "$region"
parameter_overrides = [
    "Suffix=$suffix",
    "Architecture=$architecture",
    "Application=$application",
    "DeploymentGroup=$group",
    "Cluster=$cluster",
    "Service=$service",
]

[default.deploy.parameters]
capabilities = "CAPABILITY_IAM"
confirm_changeset = true
fail_on_empty_changeset = false
# The bucket for the functions' zip files, which SAM makes once for an account and region.
resolve_s3 = true
END
    echo
fi

# cargo-lambda would find this out later, and in other words.
case $(sed -n 's/.*Architecture=\([a-z0-9_]*\).*/\1/p' $config) in
x86_64) target=x86_64-unknown-linux-gnu ;;
*) target=aarch64-unknown-linux-gnu ;;
esac
[ -d "$(rustc --print target-libdir --target $target)" ] ||
    fail "Rust's standard library for $target is not installed: rustup target add $target"

echo "infra/$config:"
sed -n '/^[^#]/s/^/    /p' $config
echo "As:  ${identity#* }"
echo "Now: build the functions (about ten minutes the first time), upload them to SAM's bucket (made if there is none),"
echo "     and show what would change in the stack. Nothing of the stack changes before you say y."

sam build
sam deploy

echo
stack=$(sed -n 's/^stack_name = "\(.*\)"$/\1/p' $config)
echo "Once the stack is there, this names its functions in an AppSpec file:"
echo "    greenlight appspec --stack $stack --write appspec.yaml"
