//! The AWS operations that the hooks call, as IAM writes their actions. An AWS error names its operation in this form
//! too, so that a message can say which action the role lacks.

pub const PUT_STATUS: &str = "codedeploy:PutLifecycleEventHookExecutionStatus";
pub const GET_DEPLOYMENT: &str = "codedeploy:GetDeployment";
pub const GET_DEPLOYMENT_GROUP: &str = "codedeploy:GetDeploymentGroup";
pub const LIST_DEPLOYMENT_TARGETS: &str = "codedeploy:ListDeploymentTargets";
pub const GET_DEPLOYMENT_TARGET: &str = "codedeploy:GetDeploymentTarget";
pub const GET_APPLICATION_REVISION: &str = "codedeploy:GetApplicationRevision";
pub const DESCRIBE_SERVICES: &str = "ecs:DescribeServices";
pub const LIST_TASKS: &str = "ecs:ListTasks";
pub const DESCRIBE_TASKS: &str = "ecs:DescribeTasks";
pub const DESCRIBE_TASK_DEFINITION: &str = "ecs:DescribeTaskDefinition";
pub const DESCRIBE_TARGET_GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";
pub const DESCRIBE_TARGET_HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";
pub const DESCRIBE_LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
pub const DESCRIBE_RULES: &str = "elasticloadbalancing:DescribeRules";
pub const DESCRIBE_LOAD_BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";
pub const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";
pub const DESCRIBE_ALARM_HISTORY: &str = "cloudwatch:DescribeAlarmHistory";
pub const DESCRIBE_LOG_GROUPS: &str = "logs:DescribeLogGroups";
pub const GET_PARAMETERS: &str = "ssm:GetParameters";
pub const DESCRIBE_SECRET: &str = "secretsmanager:DescribeSecret";
pub const DESCRIBE_IMAGES: &str = "ecr:DescribeImages";
pub const GET_ROLE: &str = "iam:GetRole";
pub const GET_RESOURCES: &str = "tag:GetResources";
pub const GET_PARAMETER: &str = "ssm:GetParameter";
pub const GET_SECRET_VALUE: &str = "secretsmanager:GetSecretValue";
pub const GET_OBJECT: &str = "s3:GetObject";
/// Reading a version of an object is a different action in IAM, but the same operation.
pub const GET_OBJECT_VERSION: &str = "s3:GetObjectVersion";
