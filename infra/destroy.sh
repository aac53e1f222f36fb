#!/bin/sh
# Deletes the functions' stack. `make destroy` calls it. SAM asks before it deletes anything.
set -eu
cd "$(dirname "$0")"

command -v sam >/dev/null || {
    echo "sam is not installed. Install it into .tools: make deploy-tools" >&2
    exit 1
}
[ -e samconfig.toml ] || {
    echo "infra/samconfig.toml does not exist: nothing was deployed from here. To delete another stack: sam delete --stack-name NAME" >&2
    exit 1
}

cat <<'END'
This deletes the stack that infra/samconfig.toml names: the six functions, their roles, queue and alarms.

First remove the functions from each AppSpec file that names them. If CodeDeploy cannot invoke a hook, the deployment fails at
once. A deployment that is waiting for one of these functions now would wait for up to an hour.

These stay: the services and their deployment groups, the functions' log groups, infra/samconfig.toml, and SAM's bucket, which
all SAM stacks of the account and region share. SAM asks whether to delete this stack's folder in the bucket; answer y. The bucket
keeps deleted objects as old versions, which cost a cent a month or less.
END
sam delete

suffix=$(sed -n '/^ *#/!s/.*[" ]Suffix=\([a-z0-9-]*\).*/\1/p' samconfig.toml)
region=$(sed -n 's/^region = "\(.*\)"$/\1/p' samconfig.toml)
echo
echo "The log groups are the only record of why the hooks stopped deployments, so they stay, and CloudWatch deletes each line when its"
echo "retention ends. As long as they exist, make deploy cannot create a new stack with the same suffix. If the stack is deleted and"
echo "nobody needs the logs:"
for function in before-install after-install after-allow-test-traffic before-allow-traffic after-allow-traffic on-failure; do
    echo "    aws logs delete-log-group${region:+ --region $region} --log-group-name /aws/lambda/CodeDeployHook_${suffix:-greenlight}-$function"
done
