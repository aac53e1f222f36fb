#!/bin/sh
# Builds the functions and deploys their stack, infra/template.yaml, with AWS SAM.
#
# `make deploy` calls it. The first run asks which service the functions are for, and writes the answers to
# infra/samconfig.toml, which git ignores. Later runs read that file. Before anything changes, SAM shows the change set and asks.
set -eu
cd "$(dirname "$0")"
config=samconfig.toml

fail() {
    echo "$1" >&2
    exit 1
}

command -v sam >/dev/null || fail "sam, AWS's command line for Lambda, is not installed. Install it into .tools: make deploy-tools"
command -v cargo-lambda >/dev/null || fail "cargo-lambda, which compiles for Lambda, is not installed. Install it into .tools: make deploy-tools"

# Prints a value of the configuration file, if the file exists.
configured() {
    [ ! -e $config ] || sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" $config | sed 1q
}

# The configured region has precedence over the shell's, also for SAM. boto3 reads only AWS_DEFAULT_REGION.
region=$(configured region)
AWS_DEFAULT_REGION=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION-}}}
export AWS_DEFAULT_REGION
[ -n "$AWS_DEFAULT_REGION" ] || unset AWS_DEFAULT_REGION

# sam's own Python has boto3, so the AWS CLI is not needed. If sam was not installed with pip, it is not a Python program, or
# it starts with a shell.
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
    # If no region is set (the script asks for it next), any region can name the caller.
    print(region or "", session.client("sts", region_name=region or "us-east-1").get_caller_identity()["Arn"])
except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
    where = "" if region else "; no region is set, so us-east-1 was used"
    sys.exit(f"no credentials that AWS accepts ({error}{where}): set AWS_PROFILE, or sign in with aws sso login")
'
if [ -x "$python" ]; then
    identity=$("$python" -c "$whoami") || exit 1
else
    # sam itself then reports missing credentials.
    identity="${AWS_DEFAULT_REGION-} whatever credentials sam finds"
fi
region=${identity%% *}

# Prints an attribute of a parameter in template.yaml, such as its AllowedPattern.
parameter() {
    awk -v name="$1:" -v key="$2:" '
        /^[A-Za-z]/ { inside = 0; section = $1 }
        section == "Parameters:" && /^  [A-Za-z]/ { inside = $1 == name }
        inside && $1 == key { sub(/^[^:]*: */, ""); gsub(/^"|"$/, ""); print }
    ' template.yaml
}

# Asks until the answer matches the pattern, because a later run does not ask again. Prints the answer.
#
#   ask NAME QUESTION DEFAULT PATTERN DESCRIPTION_OF_THE_PATTERN
ask() {
    while :; do
        printf '%s [%s]: ' "$2" "$3" >&2
        read -r answer || fail "
The first make deploy asks questions and needs a terminal. Run it in one, or copy an infra/$config that it wrote earlier."
        answer=${answer:-$3}
        if printf '%s\n' "$answer" | LC_ALL=C grep -Eqx -e "$4"; then
            break
        fi
        echo "$1: '$answer' is not $5" >&2
    done
    printf '%s\n' "$answer"
}

# The same for a parameter of the template, with the template's own pattern.
ask_for() {
    pattern=$(parameter "$1" AllowedPattern)
    values=$(parameter "$1" AllowedValues | tr -d '[] ')
    ask "$1" "$2" "$3" "${pattern:-($(echo "$values" | tr , '|'))}" \
        "${pattern:+$(parameter "$1" ConstraintDescription)}${values:+one of $values}"
}

if [ -e $config ]; then
    architecture=$(sed -n 's/.*Architecture=\([a-z0-9_]*\).*/\1/p' $config)
else
    echo "First deployment. Which service are the functions for? Answer with names, or with patterns such as shop-*."
    echo "The functions' roles are limited to these names."
    application=$(ask_for Application "CodeDeploy application" "greenlight-example")
    group=$(ask_for DeploymentGroup "Deployment group" "*")
    cluster=$(ask_for Cluster "ECS cluster" "$application")
    service=$(ask_for Service "ECS service" "*")
    suffix=$(ask_for Suffix "Suffix of the functions' names, CodeDeployHook_SUFFIX-before-install and so on" "greenlight")
    architecture=$(ask_for Architecture "Architecture (arm64, x86_64)" "arm64")
    region=$(ask Region "Region" "$region" "[a-z]+(-[a-z]+)+-[0-9]+" "the name of a region, such as eu-west-1")
fi

# cargo-lambda would report a missing library later, and less clearly.
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
installed || fail "Rust's standard library for $target is not installed, and a build for $architecture needs it. Install it the way you installed Rust, or install Rust from https://rustup.rs"

if [ ! -e $config ]; then
    cat >$config <<END
# Written by make deploy. You can add more parameters of template.yaml to parameter_overrides.
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
# SAM creates one bucket for zip files in each account and region. This stack has its own folder in it, so that make destroy
# can empty the folder.
resolve_s3 = true
s3_prefix = "CodeDeployHooks-$suffix"
END
    echo
fi

echo "infra/$config:"
sed -n '/^[^#]/s/^/    /p' $config
echo "As:  ${identity#* }"
echo "Now: build the functions (about ten minutes the first time), upload them to SAM's bucket (created if it does not exist),"
echo "     and show the change set. The stack does not change before you answer y."

sam build
sam deploy

echo
stack=$(configured stack_name)
echo "When the stack is complete, write its functions into your AppSpec file:"
echo "    greenlight appspec --stack $stack --write appspec.yaml"
