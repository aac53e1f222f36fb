#!/bin/sh
# Brings a version to the example service: a new revision of its task definition by CloudFormation, then a deployment by
# CodeDeploy with appspec.yaml, whose hooks decide.
#
#   sh infra/example/release.sh VERSION [FAULT]
#
# FAULT is what is broken in it (`page`; see template.yaml). STACK is the stack's name, if it is not greenlight-example.
# Needs the aws command line, version 1 or 2.
set -eu

usage() {
    sed -n '5,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
[ $# -ge 1 ] && [ $# -le 2 ] || usage
version=$1
fault=${2:-none}
stack=${STACK:-greenlight-example}
here=$(cd "$(dirname "$0")" && pwd)

command -v aws >/dev/null || {
    echo "the aws command line is not installed: https://docs.aws.amazon.com/cli/" >&2
    exit 1
}

output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

# Parameters that are not named here keep their values.
aws cloudformation deploy --stack-name "$stack" --template-file "$here/template.yaml" --capabilities CAPABILITY_IAM \
    --no-fail-on-empty-changeset --parameter-overrides "Version=$version" "Fault=$fault"
revision=$(output TaskDefinitionArn)

# The AppSpec goes to CodeDeploy as text inside JSON.
content=$(sed "s|TASK_DEFINITION\$|$revision|" "$here/appspec.yaml" |
    awk '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "%s\\n", $0 }')
deployment=$(aws deploy create-deployment --output text --query deploymentId \
    --application-name "$(output ApplicationName)" --deployment-group-name "$(output DeploymentGroupName)" \
    --description "version $version" \
    --revision "{\"revisionType\":\"AppSpecContent\",\"appSpecContent\":{\"content\":\"$content\"}}")

echo "$deployment brings $revision."
echo "Follow it:   aws deploy wait deployment-successful --deployment-id $deployment"
echo "Look at it:  aws deploy get-deployment --deployment-id $deployment --query 'deploymentInfo.[status,errorInformation]'"
echo "Customers:   $(output ProductionUrl)"
