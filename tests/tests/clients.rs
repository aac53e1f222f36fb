//! Deploy tools of AWS against `greenlight rehearse --serve`: the aws command line, and AWS's deploy action for GitHub.
//! A healthy deployment goes through, and a broken one is rolled back, as the tool itself reports it.
//!
//! `make clients-test` installs the tools and runs this; the feature `clients` keeps it out of `make test`. Each case
//! takes some 15 seconds, the time after which both tools look at a deployment again.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use greenlight_tests::greenlight;
use rehearsal::Hook;
use serde_json::Value;

/// A variable in which `make clients-test` names a tool. Panics if it is not set.
#[expect(clippy::disallowed_methods, reason = "make names the tools in variables")]
fn env_var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run `make clients-test`"))
}

/// A local CodeDeploy that ends after the deployments of its scenario. Killed when dropped, if it has not ended.
struct LocalCodeDeploy {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    endpoint: String,
}

impl Drop for LocalCodeDeploy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl LocalCodeDeploy {
    fn start(scenario: &str) -> Self {
        let mut process = Command::new(greenlight())
            .args(["rehearse", "--serve", "--await-deployment", "--once", "--json", "--scenario", scenario])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let open = lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let open = { open }.find(|line| line["event"] == "open").unwrap();
        Self { process, lines, endpoint: open["aws"].as_str().unwrap().to_owned() }
    }

    /// The hooks that ran, in their order, and the exit status.
    fn finish(mut self) -> (Vec<String>, Option<i32>) {
        let values = self.lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let finished = values.filter(|line| line["event"] == "hook-finished");
        let hooks = finished.map(|line| line["hook"].as_str().unwrap().to_owned()).collect();
        (hooks, self.process.wait().unwrap().code())
    }
}

/// A task definition and an AppSpec file with our five functions, as a repository has them.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:2.0.0";
    let definition = serde_json::json!({
        "family": "shop",
        "containerDefinitions": [{ "name": "web", "image": image, "essential": true, "portMappings": [{ "containerPort": 8080 }] }],
    });
    fs::write(folder.path().join("task-definition.json"), definition.to_string()).unwrap();
    let hooks: String =
        Hook::ALL.iter().map(|hook| format!("  - {hook}: CodeDeployHook_{}\n", hook.program_name())).collect();
    let appspec = format!(
        "version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo:
          ContainerName: web
          ContainerPort: 8080
Hooks:
{hooks}"
    );
    fs::write(folder.path().join("appspec.yaml"), appspec).unwrap();
    folder
}

/// A tool in that folder, with the local CodeDeploy in place of AWS.
fn tool(program: &str, folder: &Path, codedeploy: &LocalCodeDeploy) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("AWS_ENDPOINT_URL", &codedeploy.endpoint);
    // Version 1 of the aws command line reads only the second one.
    command.env("AWS_REGION", "eu-west-1").env("AWS_DEFAULT_REGION", "eu-west-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "sesame");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "");
    command
}

fn aws_cli(folder: &Path, codedeploy: &LocalCodeDeploy) -> Output {
    tool(&env_var("GREENLIGHT_AWS_CLI"), folder, codedeploy)
        .args(["ecs", "deploy", "--cluster", "shop", "--service", "web"])
        .args(["--codedeploy-application", "shop", "--codedeploy-deployment-group", "web"])
        .args(["--task-definition", "task-definition.json", "--codedeploy-appspec", "appspec.yaml"])
        .output()
        .unwrap()
}

fn deploy_action(folder: &Path, codedeploy: &LocalCodeDeploy) -> Output {
    let outputs = folder.join("outputs");
    fs::write(&outputs, "").unwrap();
    tool("node", folder, codedeploy)
        .arg(PathBuf::from(env_var("GREENLIGHT_DEPLOY_ACTION")).join("dist/index.js"))
        .env("GITHUB_WORKSPACE", folder)
        .env("GITHUB_OUTPUT", outputs)
        .env("INPUT_TASK-DEFINITION", "task-definition.json")
        .env("INPUT_CODEDEPLOY-APPSPEC", "appspec.yaml")
        .env("INPUT_CLUSTER", "shop")
        .env("INPUT_SERVICE", "web")
        .env("INPUT_CODEDEPLOY-APPLICATION", "shop")
        .env("INPUT_CODEDEPLOY-DEPLOYMENT-GROUP", "web")
        .env("INPUT_WAIT-FOR-SERVICE-STABILITY", "true")
        .env("INPUT_WAIT-FOR-MINUTES", "5")
        .output()
        .unwrap()
}

/// Deploys with a tool, once with success and once with a replacement whose tasks crash.
fn deploys(deploy: fn(&Path, &LocalCodeDeploy) -> Output) {
    for (scenario, succeeds, hooks) in [("healthy", true, 5), ("tasks-crash-loop", false, 2)] {
        let codedeploy = LocalCodeDeploy::start(scenario);
        let output = deploy(repository().path(), &codedeploy);
        let said = [&*output.stdout, &output.stderr].map(String::from_utf8_lossy).concat();
        // Without a deployment, the local CodeDeploy would wait for one.
        assert!(said.contains(" d-") || said.contains("/d-"), "{scenario}: no deployment was created: {said}");
        assert_eq!(output.status.success(), succeeds, "{scenario}: {said}");
        let (ran, status) = codedeploy.finish();
        // The local CodeDeploy is content in both cases: every hook got a status, and the end is the scenario's.
        assert_eq!((ran.len(), status), (hooks, Some(0)), "{scenario}: {ran:?}: {said}");
    }
}

#[test]
fn the_aws_command_line_deploys() {
    deploys(aws_cli);
}

#[test]
fn the_deploy_action_deploys() {
    deploys(deploy_action);
}
