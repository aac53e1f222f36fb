"""Calls every operation of the rehearsal with boto3, and checks the replies as boto3 parses them.

    python read_with_boto3.py ENDPOINT EVENT

ENDPOINT is the URL of the simulated AWS. EVENT is the JSON with which CodeDeploy invokes a hook. The world is a healthy
deployment at AfterAllowTestTraffic, with two alarms in addition to the group's, and a rule on the test listener. Prints
a line for each operation that succeeded: protocol and name.
"""

import datetime
import json
import sys

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

REGION = "eu-west-1"

# Services whose name in botocore differs from their name in IAM.
IAM_NAMES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}


class OneProtocol(Loader):
    """Service models with only one protocol, so that botocore must use it."""

    def __init__(self, protocol):
        super().__init__(extra_search_paths=[self.BUILTIN_DATA_PATH])
        self.protocol = protocol

    def load_service_model(self, service_name, type_name, api_version=None):
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name != "service-2":
            return model
        metadata = {**model["metadata"], "protocol": self.protocol, "protocols": [self.protocol]}
        return {**model, "metadata": metadata}


class Reader:
    """Creates clients, optionally for one protocol, and records the operations that succeeded."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.read = []

    def client(self, service, protocol=None):
        session = botocore.session.get_session()
        if protocol:
            session.register_component("data_loader", OneProtocol(protocol))
        client = boto3.Session(
            botocore_session=session,
            region_name=REGION,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",
        ).client(service, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1}))
        client.meta.events.register("after-call", self.note(client))
        return client

    def note(self, client):
        def noted(http_response, parsed, model, **_):
            if http_response.status_code == 200:
                service = client.meta.service_model
                name = IAM_NAMES.get(service.service_name, service.service_name)
                self.read.append(f"{service.resolved_protocol} {name}:{model.name}")

        return noted


def refused(code, call, **arguments):
    """Expects that a call is refused with this code. Returns the error that boto3 raised."""
    try:
        reply = call(**arguments)
    except ClientError as error:
        seen = error.response["Error"]["Code"]
        assert seen == code, f"expected {code}, was {seen}: {error}"
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error
    raise AssertionError(f"expected {code}, but the call succeeded: {reply}")


def is_recent(time):
    """Expects a time with a time zone, in the last 30 days."""
    assert isinstance(time, datetime.datetime) and time.tzinfo, time
    age = datetime.datetime.now(datetime.timezone.utc) - time
    assert datetime.timedelta(0) <= age < datetime.timedelta(days=30), f"{time} is {age} ago"


def codedeploy(client, event):
    deployment_id = event["DeploymentId"]
    deployment = client.get_deployment(deploymentId=deployment_id)["deploymentInfo"]
    assert deployment["deploymentId"] == deployment_id
    assert (deployment["status"], deployment["computePlatform"]) == ("InProgress", "ECS"), deployment
    is_recent(deployment["createTime"])
    [pair] = deployment["loadBalancerInfo"]["targetGroupPairInfoList"]
    assert len(pair["targetGroups"]) == 2 and pair["testTrafficRoute"]["listenerArns"], pair

    group = client.get_deployment_group(
        applicationName=deployment["applicationName"], deploymentGroupName=deployment["deploymentGroupName"]
    )["deploymentGroupInfo"]
    [service] = group["ecsServices"]
    assert group["alarmConfiguration"]["enabled"] is True and group["alarmConfiguration"]["alarms"], group

    [target_id] = client.list_deployment_targets(deploymentId=deployment_id)["targetIds"]
    assert target_id == f"{service['clusterName']}:{service['serviceName']}"
    target = client.get_deployment_target(deploymentId=deployment_id, targetId=target_id)["deploymentTarget"]
    assert target["deploymentTargetType"] == "ECSTarget", target
    target = target["ecsTarget"]
    is_recent(target["lastUpdatedAt"])
    events = {event["lifecycleEventName"]: event for event in target["lifecycleEvents"]}
    assert events["AfterAllowTestTraffic"]["status"] == "InProgress", events
    assert events["AfterInstall"]["status"] == "Succeeded" and events["AllowTraffic"]["status"] == "Pending", events
    is_recent(events["AfterInstall"]["endTime"])
    weights = {task_set["taskSetLabel"]: task_set["trafficWeight"] for task_set in target["taskSetsInfo"]}
    assert weights == {"Blue": 100.0, "Green": 0.0}, weights
    assert group["lastAttemptedDeployment"]["deploymentId"] == deployment_id, group
    return pair, service, group


def codedeploy_refusals(client, event):
    errors = client.exceptions
    deployment_id, execution_id = event["DeploymentId"], event["LifecycleEventHookExecutionId"]
    refused("InvalidDeploymentIdException", client.get_deployment, deploymentId="shop")
    refused("DeploymentIdRequiredException", client.get_deployment, deploymentId="")
    error = refused("DeploymentDoesNotExistException", client.get_deployment, deploymentId="d-NOTHERE00")
    assert isinstance(error, errors.DeploymentDoesNotExistException) and "d-NOTHERE00" in str(error), error
    target = {"deploymentId": deployment_id, "targetId": "shop:other"}
    refused("DeploymentTargetDoesNotExistException", client.get_deployment_target, **target)
    group = {"applicationName": "other", "deploymentGroupName": "other"}
    refused("ApplicationDoesNotExistException", client.get_deployment_group, **group)
    put = client.put_lifecycle_event_hook_execution_status
    ids = {"deploymentId": deployment_id, "lifecycleEventHookExecutionId": execution_id}
    refused("InvalidLifecycleEventHookExecutionStatusException", put, **ids, status="Pending")
    wrong = {**ids, "lifecycleEventHookExecutionId": "other"}
    refused("InvalidLifecycleEventHookExecutionIdException", put, **wrong, status="Succeeded")
    refused("UnknownOperationException", client.list_applications)


def revision(client, event):
    """The AppSpec file, in the deployment and by its hash."""
    deployment = client.get_deployment(deploymentId=event["DeploymentId"])["deploymentInfo"]
    location = deployment["revision"]
    assert location["revisionType"] == "AppSpecContent", location
    asked = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": location["appSpecContent"]["sha256"]}}
    found = client.get_application_revision(applicationName=deployment["applicationName"], revision=asked)
    assert found["revision"]["appSpecContent"] == location["appSpecContent"], found
    is_recent(found["revisionInfo"]["registerTime"])
    other = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "0" * 64}}
    refused("RevisionDoesNotExistException", client.get_application_revision, applicationName="shop", revision=other)


def account(reader, definition):
    """The resources that a task definition names, and the stores from which functions read their settings."""
    container = definition["containerDefinitions"][0]
    logs = reader.client("logs")
    name = container["logConfiguration"]["options"]["awslogs-group"]
    [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["logGroupName"] == name, group
    assert logs.describe_log_groups(logGroupNamePrefix="other")["logGroups"] == []

    iam = reader.client("iam")
    for arn in (definition["taskRoleArn"], definition["executionRoleArn"]):
        role = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        assert role["Arn"] == arn, role
        is_recent(role["CreateDate"])
    refused("NoSuchEntity", iam.get_role, RoleName="other")

    parameter, secret = (secret["valueFrom"] for secret in container["secrets"])
    ssm = reader.client("ssm")
    found = ssm.get_parameters(Names=[parameter, "other"])
    assert found["InvalidParameters"] == ["other"], found
    assert found["Parameters"][0]["Value"] != "sesame", found
    is_recent(found["Parameters"][0]["LastModifiedDate"])
    assert ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"] == "sesame"
    refused("ParameterNotFound", ssm.get_parameter, Name="other")

    secrets = reader.client("secretsmanager")
    arn = ":".join(secret.split(":")[:7])
    described = secrets.describe_secret(SecretId=arn)
    assert described["ARN"] == arn and "DeletedDate" not in described, described
    assert secrets.get_secret_value(SecretId=described["Name"])["SecretString"] == "sesame"
    refused("ResourceNotFoundException", secrets.describe_secret, SecretId="other")

    ecr = reader.client("ecr")
    repository, _, tag = container["image"].partition("/")[2].partition(":")
    [image] = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    by_digest = [{"imageDigest": image["imageDigest"]}]
    assert ecr.describe_images(repositoryName=repository, imageIds=by_digest)["imageDetails"] == [image], image
    refused("ImageNotFoundException", ecr.describe_images, repositoryName=repository, imageIds=[{"imageTag": "other"}])
    refused("RepositoryNotFoundException", ecr.describe_images, repositoryName="other", imageIds=[{"imageTag": tag}])

    tags = reader.client("resourcegroupstaggingapi")
    asked = {"ResourceTypeFilters": ["cloudwatch:alarm"], "TagFilters": [{"Key": "gate", "Values": ["true"]}]}
    [found] = tags.get_resources(**asked)["ResourceTagMappingList"]
    assert found["ResourceARN"].endswith(":alarm:other") and found["Tags"] == [{"Key": "gate", "Value": "true"}], found

    s3 = reader.client("s3")
    assert s3.get_object(Bucket="shop-gates", Key="a b/gate+1.yaml")["Body"].read() == b"version: 1\n"
    refused("NoSuchKey", s3.get_object, Bucket="shop-gates", Key="other")
    refused("NoSuchBucket", s3.get_object, Bucket="other", Key="other")


def guarded(reader, pair, group):
    """The settings of the functions, the permissions of their roles, and their network."""
    functions = reader.client("lambda")
    name = "CodeDeployHook_after-install"
    found = functions.get_function_configuration(FunctionName=name)
    assert (found["FunctionName"], found["Timeout"], found["State"]) == (name, 900, "Active"), found
    by_arn = functions.get_function_configuration(FunctionName=found["FunctionArn"])
    assert by_arn["Role"] == found["Role"] and "VpcConfig" not in found, found
    settings = functions.get_function_event_invoke_config(FunctionName=name)
    assert (settings["MaximumRetryAttempts"], settings["MaximumEventAgeInSeconds"]) == (0, 300), settings
    assert settings["DestinationConfig"]["OnFailure"]["Destination"].endswith(":CodeDeployHook_on-failure"), settings
    is_recent(settings["LastModified"])
    refused("ResourceNotFoundException", functions.get_function_configuration, FunctionName="other")
    at_alias = {"FunctionName": name, "Qualifier": "live"}
    refused("ResourceNotFoundException", functions.get_function_event_invoke_config, **at_alias)

    stacks = reader.client("cloudformation")
    [stack] = stacks.describe_stacks(StackName="CodeDeployHooks-greenlight")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert (outputs["AfterInstallName"], outputs["AfterInstallArn"]) == (name, found["FunctionArn"]), outputs
    is_recent(stack["CreationTime"])
    assert stacks.describe_stacks(StackName=stack["StackId"])["Stacks"] == [stack], stack
    refused("ValidationError", stacks.describe_stacks, StackName="other")

    iam = reader.client("iam")
    may = {"ActionNames": ["lambda:InvokeFunction", "ecs:StopTask"], "ResourceArns": [found["FunctionArn"]]}
    simulated = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=group["serviceRoleArn"], PaginationConfig={"PageSize": 1}, **may
    )
    decisions = {one["EvalActionName"]: one["EvalDecision"] for page in simulated for one in page["EvaluationResults"]}
    assert decisions == {"lambda:InvokeFunction": "allowed", "ecs:StopTask": "implicitDeny"}, decisions
    other = group["serviceRoleArn"] + "-other"
    refused("NoSuchEntity", iam.simulate_principal_policy, PolicySourceArn=other, **may)

    [listener_arn] = pair["testTrafficRoute"]["listenerArns"]
    elb = reader.client("elbv2")
    [listener] = elb.describe_listeners(ListenerArns=[listener_arn])["Listeners"]
    [balancer] = elb.describe_load_balancers(LoadBalancerArns=[listener["LoadBalancerArn"]])["LoadBalancers"]
    ec2 = reader.client("ec2")
    [security_group] = ec2.describe_security_groups(GroupIds=balancer["SecurityGroups"])["SecurityGroups"]
    ports = {rule["FromPort"]: rule["IpRanges"] for rule in security_group["IpPermissions"]}
    assert ports[listener["Port"]] == [{"CidrIp": "0.0.0.0/0"}], ports
    here = [{"Name": "vpc-id", "Values": [balancer["VpcId"]]}]
    tables = ec2.describe_route_tables(Filters=here)["RouteTables"]
    [private] = [table for table in tables if not any(it["Main"] for it in table["Associations"])]
    [subnet_id] = [it["SubnetId"] for it in private["Associations"]]
    assert private["Routes"][1]["NatGatewayId"].startswith("nat-"), private
    [subnet] = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    assert (subnet["VpcId"], subnet["CidrBlock"]) == (balancer["VpcId"], "10.0.1.0/24"), subnet
    [endpoint] = ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
    assert (endpoint["VpcEndpointType"], endpoint["PrivateDnsEnabled"]) == ("Interface", True), endpoint
    assert ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": ["vpc-0"]}])["VpcEndpoints"] == []
    refused("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=["subnet-0"])
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=["sg-0"])


def put(client, event):
    """Puts the status. Runs last, because it ends the hook."""
    ids = {
        "deploymentId": event["DeploymentId"],
        "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"],
    }
    reply = client.put_lifecycle_event_hook_execution_status(**ids, status="Succeeded")
    assert reply["lifecycleEventHookExecutionId"] == ids["lifecycleEventHookExecutionId"], reply
    error = refused(
        "LifecycleEventAlreadyCompletedException",
        client.put_lifecycle_event_hook_execution_status,
        **ids,
        status="Failed",
    )
    assert isinstance(error, client.exceptions.LifecycleEventAlreadyCompletedException), error


def ecs(client, service, deployment_id):
    cluster, name = service["clusterName"], service["serviceName"]
    described = client.describe_services(cluster=cluster, services=[name, "other"])
    [failure] = described["failures"]
    assert failure["reason"] == "MISSING", failure
    [found] = described["services"]
    assert found["deploymentController"]["type"] == "CODE_DEPLOY", found
    is_recent(found["events"][0]["createdAt"])
    [green] = [task_set for task_set in found["taskSets"] if task_set.get("externalId") == deployment_id]
    assert (green["stabilityStatus"], green["status"]) == ("STEADY_STATE", "ACTIVE"), green
    assert green["scale"] == {"value": 100.0, "unit": "PERCENT"}, green
    is_recent(green["createdAt"])

    asked = {"cluster": cluster, "startedBy": green["id"], "PaginationConfig": {"PageSize": 1}}
    pages = client.get_paginator("list_tasks").paginate(**asked)
    arns = [arn for page in pages for arn in page["taskArns"]]
    assert len(arns) == green["runningCount"] > 1, arns
    tasks = client.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}, tasks
    is_recent(tasks[0]["createdAt"])
    definition = client.describe_task_definition(taskDefinition=green["taskDefinition"])["taskDefinition"]
    assert definition["containerDefinitions"][0]["essential"] is True, definition

    refused("ClusterNotFoundException", client.describe_services, cluster="other", services=[name])
    refused("ServiceNotFoundException", client.list_tasks, cluster=cluster, serviceName="other")
    both = {"cluster": cluster, "startedBy": green["id"], "desiredStatus": "STOPPED"}
    error = refused("InvalidParameterException", client.list_tasks, **both)
    assert isinstance(error, client.exceptions.InvalidParameterException), error
    refused("ClientException", client.describe_task_definition, taskDefinition="other:1")
    refused("UnknownOperationException", client.list_clusters)
    return definition


def elbv2(client, pair):
    names = [group["name"] for group in pair["targetGroups"]]
    groups = client.describe_target_groups(Names=names)["TargetGroups"]
    assert {group["TargetGroupName"] for group in groups} == set(names), groups
    assert all(group["HealthCheckEnabled"] is True and group["Matcher"]["HttpCode"] for group in groups), groups
    for group in groups:
        health = client.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        assert {target["TargetHealth"]["State"] for target in health} == {"healthy"}, health
    # botocore's own waiter, which polls until all targets are healthy.
    client.get_waiter("target_in_service").wait(TargetGroupArn=groups[0]["TargetGroupArn"])

    [listener_arn] = pair["testTrafficRoute"]["listenerArns"]
    [listener] = client.describe_listeners(ListenerArns=[listener_arn])["Listeners"]
    [action] = listener["DefaultActions"]
    [forward] = action["ForwardConfig"]["TargetGroups"]
    assert forward["Weight"] in (1, 100) and action["TargetGroupArn"] == forward["TargetGroupArn"], action
    pages = client.get_paginator("describe_rules").paginate(ListenerArn=listener_arn, PaginationConfig={"PageSize": 1})
    rules = [rule for page in pages for rule in page["Rules"]]
    assert [rule["Priority"] for rule in rules] == ["10", "11", "12", "13", "default"], rules
    fields = ["host-header", "path-pattern", "http-request-method", "query-string", "source-ip", "http-header"]
    assert sorted(condition["Field"] for condition in rules[0]["Conditions"]) == sorted(fields), rules
    assert rules[0]["Conditions"][0]["HostHeaderConfig"]["Values"] == ["shop.example.com"], rules
    kinds = [[action["Type"] for action in rule["Actions"]] for rule in rules[:4]]
    assert kinds == [["forward"], ["authenticate-oidc", "forward"], ["fixed-response"], ["redirect"]], rules
    assert rules[3]["Actions"][0]["RedirectConfig"]["Host"] == "#{host}", rules
    assert [rule["IsDefault"] for rule in rules] == [False, False, False, False, True], rules
    arns = [listener["LoadBalancerArn"]]
    [balancer] = client.describe_load_balancers(LoadBalancerArns=arns)["LoadBalancers"]
    assert (balancer["State"]["Code"], balancer["DNSName"]) == ("active", "localhost"), balancer

    refused("TargetGroupNotFound", client.describe_target_groups, Names=["other"])
    refused("ListenerNotFound", client.describe_listeners, ListenerArns=[listener_arn + "0"])
    refused("RuleNotFound", client.describe_rules, RuleArns=[rules[0]["RuleArn"] + "0"])
    error = refused("LoadBalancerNotFound", client.describe_load_balancers, Names=["other"])
    assert isinstance(error, client.exceptions.LoadBalancerNotFoundException), error
    refused("InvalidAction", client.describe_account_limits)


def cloudwatch(client, alarms):
    names = [alarm["name"] for alarm in alarms]
    found = client.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert {alarm["AlarmName"] for alarm in found["MetricAlarms"]} == set(names), found
    is_recent(found["MetricAlarms"][0]["StateUpdatedTimestamp"])
    assert isinstance(found["MetricAlarms"][0]["Threshold"], float), found
    everything = client.get_paginator("describe_alarms").paginate(
        AlarmTypes=["MetricAlarm", "CompositeAlarm"], PaginationConfig={"PageSize": 1}
    )
    everything = [(page["MetricAlarms"], page["CompositeAlarms"]) for page in everything]
    assert len(everything) == len(names) + 2, everything
    [[composite]] = [composite for _, composite in everything if composite]
    assert composite["AlarmRule"], composite
    # CloudWatch returns composite alarms only if the request names their type.
    assert client.describe_alarms().get("CompositeAlarms", []) == []

    [other] = client.describe_alarms(AlarmNames=["other"])["MetricAlarms"]
    assert other["EvaluationState"] == "PARTIAL_DATA", other
    kinds = ["MetricAlarm", "CompositeAlarm"]
    history = client.describe_alarm_history(
        AlarmTypes=kinds, HistoryItemType="StateUpdate", StartDate=other["StateUpdatedTimestamp"], ScanBy="TimestampAscending"
    )["AlarmHistoryItems"]
    assert {item["AlarmType"] for item in history} == set(kinds), history
    is_recent(history[0]["Timestamp"])
    assert json.loads(history[0]["HistoryData"])["newState"]["stateValue"] == "OK", history
    assert client.describe_alarm_history(AlarmName="all")["AlarmHistoryItems"] == [], "no AlarmTypes: no composite alarms"

    error = refused("InvalidNextToken", client.describe_alarms, NextToken="other")
    assert isinstance(error, client.exceptions.InvalidNextToken), error
    return refused(
        "InvalidAction" if client.meta.service_model.resolved_protocol == "query" else "UnknownOperationException",
        client.list_metrics,
    )


def main(endpoint, event):
    event = json.loads(event)
    reader = Reader(endpoint)
    # First boto3's default protocol, then the other protocols of the models, because SDKs prefer different ones.
    for protocol in (None, "smithy-rpc-v2-cbor"):
        client = reader.client("codedeploy", protocol)
        pair, service, group = codedeploy(client, event)
        codedeploy_refusals(client, event)
        revision(client, event)
    account(reader, ecs(reader.client("ecs"), service, event["DeploymentId"]))
    elbv2(reader.client("elbv2"), pair)
    guarded(reader, pair, group)
    for protocol in (None, "smithy-rpc-v2-cbor", "query"):
        cloudwatch(reader.client("cloudwatch", protocol), group["alarmConfiguration"]["alarms"])
    put(reader.client("codedeploy"), event)
    print("\n".join(sorted(set(reader.read))))


if __name__ == "__main__":
    main(*sys.argv[1:])
