#!/bin/sh
# Deletes the functions' stack. `make destroy` calls it; SAM asks before it does.
set -eu
cd "$(dirname "$0")"

command -v sam >/dev/null || {
    echo "sam is not installed. Install it into .tools: make deploy-tools" >&2
    exit 1
}
[ -e samconfig.toml ] || {
    echo "infra/samconfig.toml is not there: nothing was deployed from here. Another stack: sam delete --stack-name NAME" >&2
    exit 1
}

cat <<'END'
This deletes the stack that infra/samconfig.toml names: the six functions, their roles, log groups and alarms.

Before that, take the functions out of each AppSpec that names them: CodeDeploy fails a deployment at once when it cannot
invoke a hook, and a deployment that is waiting for one of them now waits for an hour.

What stays: the services and deployment groups themselves, infra/samconfig.toml, and SAM's bucket, which is there for every stack
of the account and region. SAM asks whether to delete this stack's folder in it; say y. The bucket keeps what is deleted as old
versions, a cent a month or less.
END
sam delete
