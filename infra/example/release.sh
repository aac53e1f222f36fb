#!/bin/sh
# Deploys a version of the example service: CloudFormation creates a revision of its task definition, and CodeDeploy deploys it
# with appspec.yaml.
#
#   sh infra/example/release.sh VERSION [FAULT]
#
# FAULT is what is broken in this version (`page`; see template.yaml). The variable STACK names the stack; the default is
# greenlight-example. Needs the AWS CLI, version 1 or 2.
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
    echo "the AWS CLI (aws) is not installed: https://docs.aws.amazon.com/cli/" >&2
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

# CodeDeploy takes the AppSpec file as a JSON string.
content=$(sed "s|TASK_DEFINITION\$|$revision|" "$here/appspec.yaml" |
    awk '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "%s\\n", $0 }')
deployment=$(aws deploy create-deployment --output text --query deploymentId \
    --application-name "$(output ApplicationName)" --deployment-group-name "$(output DeploymentGroupName)" \
    --description "version $version" \
    --revision "{\"revisionType\":\"AppSpecContent\",\"appSpecContent\":{\"content\":\"$content\"}}")

echo "Deployment $deployment deploys $revision."
echo "Wait for it: aws deploy wait deployment-successful --deployment-id $deployment"
echo "Show it:     aws deploy get-deployment --deployment-id $deployment --query 'deploymentInfo.[status,errorInformation]'"
echo "Customers:   $(output ProductionUrl)"
