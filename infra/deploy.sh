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

# A value of the file that says where and what the stack is.
configured() {
    [ ! -e $config ] || sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" $config | sed 1q
}

# What an earlier run was told comes before what the shell has, for SAM too. boto3 reads the older of the two names alone.
region=$(configured region)
AWS_DEFAULT_REGION=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION-}}}
export AWS_DEFAULT_REGION
[ -n "$AWS_DEFAULT_REGION" ] || unset AWS_DEFAULT_REGION

# sam's own Python has boto3, so the aws command line need not be there. Installed in another way than with pip, sam is no
# program of Python's, or begins with a shell.
python=$(LC_ALL=C sed -n -e '1s/^#! *\([^ ]*\).*/\1/p' -e 1q "$(command -v sam)")
case ${python##*/} in
python*) ;;
*) python= ;;
esac
whoami='
import boto3, botocore.exceptions, sys
region = None
try:
    session = boto3.Session()
    region = session.region_name
    # Without a region, which is asked for next, any one knows whose credentials these are.
    print(region or "", session.client("sts", region_name=region or "us-east-1").get_caller_identity()["Arn"])
except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
    where = "" if region else "; no region is set, so us-east-1 was asked"
    sys.exit(f"no credentials that AWS accepts ({error}{where}): set AWS_PROFILE, or sign in with aws sso login")
'
if [ -x "$python" ]; then
    identity=$("$python" -c "$whoami") || exit 1
else
    # Then sam itself has to tell.
    identity="${AWS_DEFAULT_REGION-} whatever credentials sam finds"
fi
region=${identity%% *}

# What template.yaml has under one of its parameters, such as its AllowedPattern.
parameter() {
    awk -v name="$1:" -v key="$2:" '
        /^[A-Za-z]/ { inside = 0; section = $1 }
        section == "Parameters:" && /^  [A-Za-z]/ { inside = $1 == name }
        inside && $1 == key { sub(/^[^:]*: */, ""); gsub(/^"|"$/, ""); print }
    ' template.yaml
}

# Asks until the answer is one that the pattern takes: what is written down is not asked again. Prints it.
#
#   ask NAME QUESTION ANSWER_IF_NONE_IS_GIVEN PATTERN WHAT_IT_HAS_TO_BE
ask() {
    while :; do
        printf '%s [%s]: ' "$2" "$3" >&2
        read -r answer || fail "
Without a terminal nobody can be asked; run make deploy at one, or bring the infra/$config that it wrote."
        answer=${answer:-$3}
        if printf '%s\n' "$answer" | LC_ALL=C grep -Eqx -e "$4"; then
            break
        fi
        echo "$1: '$answer' is not $5" >&2
    done
    printf '%s\n' "$answer"
}

# The same for a parameter of the template, which says itself what it takes.
ask_for() {
    pattern=$(parameter "$1" AllowedPattern)
    values=$(parameter "$1" AllowedValues | tr -d '[] ')
    ask "$1" "$2" "$3" "${pattern:-($(echo "$values" | tr , '|'))}" \
        "${pattern:+$(parameter "$1" ConstraintDescription)}${values:+one of $values}"
}

if [ -e $config ]; then
    architecture=$(sed -n 's/.*Architecture=\([a-z0-9_]*\).*/\1/p' $config)
else
    echo "The first deployment: what shall the functions guard? A name, or a pattern such as shop-*."
    echo "Their roles can see and answer for this and nothing else."
    application=$(ask_for Application "CodeDeploy application" "greenlight-example")
    group=$(ask_for DeploymentGroup "Deployment group" "*")
    cluster=$(ask_for Cluster "ECS cluster" "$application")
    service=$(ask_for Service "ECS service" "*")
    suffix=$(ask_for Suffix "Suffix: the functions are called CodeDeployHook_SUFFIX-before-install and so on" "greenlight")
    architecture=$(ask_for Architecture "Architecture (arm64, x86_64)" "arm64")
    region=$(ask Region "Region" "$region" "[a-z]+(-[a-z]+)+-[0-9]+" "the name of a region, such as eu-west-1")
fi

# cargo-lambda would find this out later, and in other words.
case $architecture in
x86_64) target=x86_64-unknown-linux-gnu ;;
*) target=aarch64-unknown-linux-gnu ;;
esac
installed() {
    [ -d "$(rustc --print target-libdir --target $target)" ]
}
if ! installed && command -v rustup >/dev/null; then
    echo "Rust's standard library for $target is not installed yet."
    rustup target add $target
fi
installed || fail "Rust's standard library for $target is not installed, without which nothing is built for $architecture: get it with the Rust you have, or Rust from https://rustup.rs"

if [ ! -e $config ]; then
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
# The bucket for the functions' zip files, which SAM makes once for an account and region; and a folder of this stack's own,
# so that make destroy can empty it.
resolve_s3 = true
s3_prefix = "CodeDeployHooks-$suffix"
END
    echo
fi

echo "infra/$config:"
sed -n '/^[^#]/s/^/    /p' $config
echo "As:  ${identity#* }"
echo "Now: build the functions (about ten minutes the first time), upload them to SAM's bucket (made if there is none),"
echo "     and show what would change in the stack. Nothing of the stack changes before you say y."

sam build
sam deploy

echo
stack=$(configured stack_name)
echo "Once the stack is there, this names its functions in an AppSpec file:"
echo "    greenlight appspec --stack $stack --write appspec.yaml"
