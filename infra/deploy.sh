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

# The same for a parameter of the template, with the template's own pattern. With a fourth argument, the answer must not be empty,
# even if the template accepts that.
#
#   ask_for NAME QUESTION DEFAULT [required]
ask_for() {
    pattern=$(parameter "$1" AllowedPattern)
    [ -z "${4-}" ] || pattern=${pattern%\?}
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
    echo "The hooks have built-in checks. A gate file adds your own: in infra/gate (package), in a Systems Manager parameter (ssm), or in S3."
    source=$(ask_for GateSource "Where the gate file is (built-in, package, ssm, s3)" "built-in")
    gate="GateSource=$source"
    case $source in
    ssm)
        name=$(ask_for GateParameter "Name of the parameter" "/greenlight/{application}/{deployment_group}" required)
        gate="$gate GateParameter=$name"
        ;;
    s3)
        bucket=$(ask_for GateBucket "Bucket, in the stack's region" "" required)
        key=$(ask_for GateKey "Key" "greenlight.yaml")
        gate="$gate GateBucket=$bucket GateKey=$key"
        ;;
    esac
    echo "If no function can put a status, CodeDeploy waits for an hour, and only an alarm reports it."
    topic=$(ask_for AlarmTopicArn "SNS topic that the alarms notify, an ARN; empty for none" "")
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

# What only the account knows, for a new stack: whether log groups of an earlier stack are in its way, and whether on-failure can
# reserve concurrency. If the caller is not allowed to ask, SAM reports both later.
account='
import boto3, botocore.exceptions, sys
region, stack, *groups = sys.argv[1:]
session = boto3.Session(region_name=region)
errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
try:
    limits = session.client("lambda").get_account_settings()["AccountLimit"]
    print("unreserved", limits["UnreservedConcurrentExecutions"])
except errors:
    pass
try:
    session.client("cloudformation").describe_stacks(StackName=stack)
except errors as error:
    if "does not exist" in str(error):
        try:
            logs = session.client("logs")
            for group in groups:
                found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
                if any(one["logGroupName"] == group for one in found):
                    print("group", group)
        except errors:
            pass
'
# Lambda leaves at least 100 of the quota to functions without a reservation, in some small accounts less.
unreservable=100
reserved=$(parameter OnFailureConcurrency Default)
concurrency=
if [ ! -e $config ] && [ -x "$python" ]; then
    groups=
    for function in before-install after-install after-allow-test-traffic before-allow-traffic after-allow-traffic on-failure; do
        groups="$groups /aws/lambda/CodeDeployHook_$suffix-$function"
    done
    # Not quoted, because these are several names. None of them has a space.
    # shellcheck disable=SC2086
    found=$("$python" -c "$account" "$region" "CodeDeployHooks-$suffix" $groups)
    left=$(printf '%s\n' "$found" | sed -n "s/^group \(.*\)/    aws logs delete-log-group --region $region --log-group-name \1/p")
    [ -z "$left" ] || fail "An earlier stack with the suffix $suffix left its log groups, and CloudFormation cannot create them again. Answer with another
suffix, or delete them with their logs, which say why earlier deployments were stopped:
$left"
    free=$(printf '%s\n' "$found" | sed -n 's/^unreserved \([0-9]*\)$/\1/p')
    if [ -n "$free" ] && [ "$free" -lt $((unreservable + reserved)) ]; then
        concurrency=0
        echo "This account's quota of concurrent executions ($free) is too small to reserve $reserved for on-failure, so none are reserved."
    fi
fi

if [ ! -e $config ]; then
    cat >$config <<END
# Written by make deploy. You can add more parameters of template.yaml to parameter_overrides. If your organisation requires them,
# add "PermissionsBoundary=ARN" and "RolePath=/path/" there, and tags below.
version = 0.1

[default.global.parameters]
stack_name = "CodeDeployHooks-$suffix"
region = "$region"
parameter_overrides = [
    # observe: every hook puts Succeeded. enforce: the gate file decides, and a hook can stop a deployment.
    "Mode=observe",
    "Suffix=$suffix",
    "Architecture=$architecture",
    "Application=$application",
    "DeploymentGroup=$group",
    "Cluster=$cluster",
    "Service=$service",
$(for one in $gate ${topic:+"AlarmTopicArn=$topic"} ${concurrency:+"OnFailureConcurrency=$concurrency"}; do
        echo "    \"$one\","
    done)
]

[default.deploy.parameters]
capabilities = "CAPABILITY_IAM"
# CloudFormation copies the stack's tags to its resources.
# tags = "team=shop cost-centre=42"
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

# Prints a parameter of the configuration file.
overridden() {
    sed -n "/^ *#/!s/.*[\" ]$1=\([^\" ]*\).*/\1/p" $config | sed 1q
}

explain_mode() {
    case $(overridden Mode) in
    observe)
        echo "Mode: observe. Every hook puts Succeeded and stops nothing, whatever the gate file says. The verdict in its log says what would"
        echo "      have been stopped. To let the hooks stop deployments, change Mode to enforce in infra/$config and run make deploy"
        echo "      again. If the gate file also says mode: observe, change that too."
        ;;
    enforce)
        echo "Mode: enforce. A hook that puts Failed stops the deployment, unless the gate file says mode: observe. To stop nothing, change"
        echo "      Mode to observe in infra/$config and run make deploy again."
        ;;
    *)
        echo "Mode: infra/$config does not set it. A new stack observes: it stops nothing. An existing stack keeps the mode that it has."
        ;;
    esac
}

explain_mode
[ -n "$(overridden AlarmTopicArn)" ] ||
    echo "Note: the alarms notify nobody. Add \"AlarmTopicArn=ARN\", to parameter_overrides, with the ARN of an SNS topic."
echo "As:  ${identity#* }"
echo "Now: build the functions (about ten minutes the first time), upload them to SAM's bucket (created if it does not exist),"
echo "     and show the change set. The stack does not change before you answer y."

sam build
sam deploy

echo
stack=$(configured stack_name)
echo "When the stack is complete, write its functions into your AppSpec file:"
echo "    greenlight appspec --stack $stack --write appspec.yaml"
explain_mode
