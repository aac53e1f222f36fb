//! The gate file as a command line sees it: its errors, its meaning, and its schema for editors.

#![expect(
    clippy::unwrap_used,
    reason = "a failing test panics, and clippy's exception for tests does not cover their helpers"
)]

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use lifecycle::Hook;
use proptest::prelude::*;
use serde_json::Value;

const MANUAL: &str = include_str!("../../../docs/GATE-FILE.md");

const EXAMPLE: &str = include_str!("../../../docs/examples/greenlight.yaml");

/// The YAML samples of the manual that are complete gate files.
fn samples() -> Vec<&'static str> {
    let blocks = MANUAL.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block));
    blocks.filter(|block| block.contains("version: 1")).collect()
}

/// Each invalid gate file is a file in the folder, and its errors are in a snapshot of its own.
#[test]
fn faulty_files_are_told_with_the_line_and_a_caret() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faulty");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 40, "{} files", files.len());
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let faults = gate::check(&text);
        assert!(!faults.is_empty(), "{name} has no error");
        for hook in Hook::ALL {
            assert_eq!(gate::load(hook, Some(&text)).unwrap_err(), faults, "{name} at {hook}");
        }
        insta::assert_snapshot!(format!("faulty_{name}"), gate::render(&text, &faults, "greenlight.yaml"));
    }
}

/// Each valid gate file that probably means something else is a file in another folder, and its warnings are in a
/// snapshot.
#[test]
fn files_are_warned_of_with_the_line_and_a_caret() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warned");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let found = gate::diagnose(&text);
        assert_eq!(found.errors, [], "{name}");
        assert!(!found.warnings.is_empty(), "{name} has no warning");
        insta::assert_snapshot!(format!("warned_{name}"), gate::render(&text, &found.warnings, "greenlight.yaml"));
    }
}

#[test]
fn nothing_that_controls_a_terminal_is_in_an_explanation() {
    let file = r#"{ version: 1, skip: { marker: "\e[2J-skip", until: 2027-01-31 }, hooks: { after_install: {
        when: ["application != '\e[1m'"],
        checks: [{ name: "a\n\e[2Jb", tasks: green, expect: ["task_set != '\x9b2J'"] }] } } }"#;
    let text = gate::explain(Some(file), Hook::AfterInstall).unwrap().to_string();
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    assert!(text.contains(r"a\n\u{1b}[2Jb") && !text.lines().any(|line| line.starts_with("b")), "{text}");
}

#[test]
fn the_samples_of_the_manual_are_gate_files() {
    assert!(!samples().is_empty(), "{} samples", samples().len());
    for sample in samples() {
        let found = gate::diagnose(sample);
        let all = [found.errors, found.warnings].concat();
        // `notify` is in the samples although it is not supported yet.
        let all: Vec<_> = all.into_iter().filter(|fault| !fault.message.contains("`notify`")).collect();
        assert!(all.is_empty(), "{}", gate::render(sample, &all, "docs/GATE-FILE.md"));
    }
}

/// The worked example: nearly every key of the language.
#[test]
fn the_worked_example_is_a_gate_file_and_is_explained() {
    assert_eq!(gate::diagnose(EXAMPLE), gate::Diagnostics::default());
    let explanations = Hook::ALL.map(|hook| gate::explain(Some(EXAMPLE), hook).unwrap().to_string());
    insta::assert_snapshot!(explanations.join("\n----\n"));
    for hook in Hook::ALL {
        let printed = gate::to_yaml(Some(EXAMPLE), hook).unwrap();
        assert_eq!(gate::to_yaml(Some(&printed), hook).unwrap(), printed);
    }
}

#[test]
fn a_hook_is_explained_in_plain_words() {
    let file = "version: 1
mode: observe
skip: { marker: '[skip gate]', until: 2027-01-31 }
defaults: { on_error: warn }
secrets: { token: 'secretsmanager:shop/smoke#token' }
hooks:
  after_install:
    deadline: 10m
    run: fail-fast
    when: [deployment_group contains production]
    built_in: { targets: { within: 2m } }
  after_allow_test_traffic:
    built_in: none
    checks:
      - name: version
        http: '{{test_url}}/version'
        expect: ['status == 200', 'json.version == {{green.image_tag}}', 'json.token != {{secret.token}}']
        consecutive: 3
        no_data: ignore
        when: [env.STAGE == prod]
  before_allow_traffic: { built_in: none, checks: none }
";
    let explanations = Hook::ALL.map(|hook| gate::explain(Some(file), hook).unwrap().to_string());
    insta::assert_snapshot!(explanations.join("\n----\n"));
}

#[test]
fn a_barrier_settles_unless_an_answer_says_whose_it_is() {
    let settle = |keys: &str| {
        let check = format!("{{ name: mine, forwards_to: green{keys} }}");
        let file =
            format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ built_in: none, checks: [{check}] }} }}");
        let printed = gate::to_yaml(Some(&file), Hook::AfterAllowTestTraffic).unwrap();
        printed.lines().find_map(|line| line.trim().strip_prefix("settle: ")).map(str::to_owned)
    };
    let default = |url: &str, condition: &str| settle(&format!(", http: '{url}', expect: ['{condition}']")).unwrap();
    assert_eq!(settle("").unwrap(), "2s");
    assert_eq!(default("{{test_url}}/version", "json.version == {{green.image_tag}}"), "0s");
    // Both versions have the header, so only a different value proves which version responds.
    assert_eq!(default("{{test_url}}/version", "header.x-version exists"), "2s");
    assert_eq!(default("{{test_url}}/", "status == 200"), "2s");
    assert_eq!(default("http://x.example/", "body contains green"), "2s");
    assert_eq!(settle(", http: '{{test_url}}/', expect: [status == 200], settle: 5s").unwrap(), "5s");
}

#[test]
fn a_pause_shorter_than_the_shortest_is_printed_and_explained_as_the_shortest() {
    let check = "{ tasks: green, expect: [running > 1], within: 1m, every: 1ms }";
    let file = format!("version: 1\nhooks: {{ after_install: {{ built_in: none, checks: [{check}] }} }}");
    let explained = gate::explain(Some(&file), Hook::AfterInstall).unwrap().to_string();
    assert!(explained.contains("has 1m to pass, polls every 50ms"), "{explained}");
    let printed = gate::to_yaml(Some(&file), Hook::AfterInstall).unwrap();
    assert!(printed.contains("every: 50ms"), "{printed}");
}

#[test]
fn one_of_several_conditions_is_printed_and_explained() {
    let file = "version: 1
hooks:
  after_install:
    built_in: none
    when: { any: [region == eu-west-1, region == us-east-1] }
    checks:
      - name: web
        http: http://example.com/
        expect: [status == 200, { any: [json.status == UP, json.error not exists] }, version(json.v) >= 1.10.0]
      - name: other
        http: http://example.com/
        expect: { any: [status == 200, status == 404] }
";
    let printed = gate::to_yaml(Some(file), Hook::AfterInstall).unwrap();
    assert_eq!(gate::to_yaml(Some(&printed), Hook::AfterInstall).unwrap(), printed);
    let explained = gate::explain(Some(file), Hook::AfterInstall).unwrap().to_string();
    assert_eq!(gate::explain(Some(&printed), Hook::AfterInstall).unwrap().to_string(), explained);
    for words in [
        "Applies only if any: [region == eu-west-1, region == us-east-1];",
        "expects status == 200, one of [json.status == UP, json.error not exists], version(json.v) >= 1.10.0",
        "expects one of [status == 200, status == 404]",
    ] {
        assert!(explained.contains(words), "{words} in\n{explained}");
    }
    assert!(is_valid(file));
    for wrong in ["{ any: [status == 200], all: [] }", "[[status == 200]]", "{ one: [status == 200] }"] {
        let file = file.replace("{ any: [status == 200, status == 404] }", wrong);
        assert!(!is_valid(&file), "{file}");
    }
}

#[test]
fn a_printed_gate_is_complete() {
    insta::assert_snapshot!(gate::to_yaml(samples().first().copied(), Hook::AfterInstall).unwrap());
}

/// A text remains as it was written, even if YAML would read it as another type.
#[test]
fn a_text_stays_as_it_is_written() {
    let file = "version: 1
hooks:
  after_install:
    checks:
      - name: 007
        http: POST http://example.com/
        headers: { X-Version: 1.10, Pin: 007, Plus: +5, Big: 1e3, Yes: True }
        form: { of: 1.10 }
        expect: [status == 200]
      - alarms: { tags: { version: 2.0, gate: true } }
        expect: [state == OK]
";
    let printed = gate::to_yaml(Some(file), Hook::AfterInstall).unwrap();
    let texts = [
        "name: \"007\"",
        "X-Version: \"1.10\"",
        "Pin: \"007\"",
        "Plus: \"+5\"",
        "Big: \"1e3\"",
        "Yes: \"True\"",
        "of: \"1.10\"",
    ];
    for text in texts.into_iter().chain(["version: \"2.0\"", "gate: \"true\"", "tagged version=2.0, gate=true"]) {
        assert!(printed.contains(text), "{text} in\n{printed}");
    }
}

/// The errors of a validator from another project, as an editor would find them.
fn schema_errors(file: &str) -> Vec<String> {
    static VALIDATOR: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| jsonschema::validator_for(&gate::schema()).unwrap());
    VALIDATOR.iter_errors(&json(file)).map(|error| error.to_string()).collect()
}

fn is_valid(file: &str) -> bool {
    schema_errors(file).is_empty()
}

fn json(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn the_schema_takes_what_the_reader_takes_and_knows_its_keys() {
    let schema = gate::schema();
    jsonschema::meta::validate(&schema).unwrap();
    for sample in samples().into_iter().chain([EXAMPLE]) {
        assert_eq!(schema_errors(sample), [] as [&str; 0], "{sample}");
    }
    for hook in Hook::ALL {
        let printed = gate::to_yaml(samples().first().copied(), hook).unwrap();
        assert_eq!(schema_errors(&printed), [] as [&str; 0], "{printed}");
    }
    for faulty in [
        "hooks: {}",
        "version: 2",
        "{ version: 1, hoks: {} }",
        "{ version: 1, mode: watch }",
        "{ version: 1, hooks: { after_install: { deadline: 30 } } }",
        "{ version: 1, hooks: { after_install: { checks: [{ tasks: green, exepct: [x == 1] }] } } }",
        "{ version: 1, hooks: { after_install: { checks: [{ tasks: gren, expect: [running > 1] }] } } }",
        "{ version: 1, skip: { marker: '[skip gate]', unti: 2027-01-31 } }",
    ] {
        assert!(!gate::check(faulty).is_empty() && !is_valid(faulty), "{faulty}");
    }
    let keys_of = |schema: &Value| {
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        format!("{} → {}", schema["required"][0].as_str().unwrap(), keys.join(", "))
    };
    let checks = schema["$defs"]["check"]["anyOf"].as_array().unwrap();
    let keys: Vec<_> = std::iter::once(&schema).chain(checks).map(keys_of).collect();
    insta::assert_snapshot!(keys.join("\n"));
}

/// Gate files that nobody checks in another test here. A file with built-in checks is not a gate file of a team: its
/// checks would be there twice.
const FILES: [&str; 7] = [
    include_str!("../built_in/before_install.yaml"),
    include_str!("../built_in/after_install.yaml"),
    include_str!("../built_in/after_allow_test_traffic.yaml"),
    include_str!("../built_in/before_allow_traffic.yaml"),
    include_str!("../built_in/after_allow_traffic.yaml"),
    include_str!("../../../infra/example/greenlight.yaml"),
    include_str!("../../greenlight/src/gate_file/init.yaml"),
];

#[test]
fn the_schema_takes_the_built_in_checks_and_the_examples() {
    for file in FILES {
        assert_eq!(schema_errors(file), [] as [&str; 0], "{file}");
    }
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warned")).unwrap() {
        let file = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert_eq!(schema_errors(&file), [] as [&str; 0], "{file}");
    }
}

/// A check of each kind with `@` in place of a condition, and conditions that are right and wrong for it.
const CONDITIONS: &[(&str, &[&str], &[&str])] = &[
    (
        "tasks: green, expect: @",
        &["steady == true", "running == desired", "task_set exists", "crashed_since_start in 0-1"],
        &["healthy == 1", "steady == yes", "steady > true", "running contains 1", "running == many", "state == OK"],
    ),
    (
        "targets: green, expect: @",
        &["healthy == registered", "healthy >= 2"],
        &["running == 1", "healthy = 2", "healthy == all", "unhealthy matches 0"],
    ),
    (
        "alarms: deployment-group, expect: @",
        &["state == OK", "state in OK, INSUFFICIENT_DATA", "state not in ALARM", "state exists"],
        &["state == ok", "state > OK", "status == 200", "state in OK, FINE"],
    ),
    (
        "http: '{{test_url}}/', expect: @",
        &["status == 2xx", "latency < 300ms", "json.version == {{green.image_tag}}", "header.location matches '^/'"],
        &["status == OK", "latency < 300", "state == OK", "header exists", "latency contains 3", "status is 200"],
    ),
    (
        "health_check: test, expect: @",
        &["status in 200-299, 301", "body contains 'all is well'", "json count >= 1"],
        &["healthy == 1", "status == '200'", "[STATUS] == 200"],
    ),
    (
        "forwards_to: green, http: '{{test_url}}/', expect: @",
        &["json.version == {{green.image_tag}}", "version(json.version) >= 1.10.0"],
        &["version == 1.10.0", "version(status) > 1"],
    ),
    (
        "tcp: 'db:1', expect: @",
        &["latency < 200ms", "latency not in 1s"],
        &["status == 200", "latency < 200", "latency == true"],
    ),
    (
        "tasks: green, expect: [steady == true], when: @",
        &["region == eu-west-1", "env.STAGE != test", "application contains shop"],
        &["region == Europe", "env exists", "stage == test", "steady == true"],
    ),
];

#[test]
fn the_schema_knows_subjects_operators_and_closed_values() {
    for (check, right, wrong) in CONDITIONS {
        let files = |condition: &&str| {
            let quoted = serde_json::to_string(condition).unwrap();
            let shapes = [quoted.clone(), format!("[{quoted}]"), format!("[{{ any: [{quoted}, {quoted}] }}]")];
            shapes.map(|shape| {
                let check = check.replace('@', &shape);
                format!("version: 1\nhooks: {{ after_allow_test_traffic: {{ checks: [{{ {check} }}] }} }}")
            })
        };
        for file in right.iter().flat_map(files) {
            assert_eq!(schema_errors(&file), [] as [&str; 0], "{file}");
        }
        for file in wrong.iter().flat_map(files) {
            assert!(!gate::check(&file).is_empty() && !is_valid(&file), "{file}");
        }
    }
}

#[test]
fn the_schema_knows_the_built_in_checks_of_each_hook() {
    let file = |change: &str| format!("version: 1\nhooks: {{ before_allow_traffic: {{ built_in: {{ {change} }} }} }}");
    for right in
        ["", "alarms: { within: 2m, new_only: false }", "tasks: { expect: [running == desired], on_fail: warn }"]
    {
        assert_eq!(gate::check(&file(right)), [], "{right}");
        assert_eq!(schema_errors(&file(right)), [] as [&str; 0], "{right}");
    }
    for wrong in [
        "alarm: { within: 2m }",
        // Built-in, but of other hooks.
        "reachable: { on_fail: warn }",
        "alarms: { witin: 2m }",
        "alarms: { expect: [state == FINE] }",
        "tasks: { new_only: true }",
    ] {
        assert!(!gate::check(&file(wrong)).is_empty() && !is_valid(&file(wrong)), "{wrong}");
    }
    let whole = |part: &str| format!("version: 1\nhooks: {{ before_allow_traffic: {{ {part} }} }}");
    assert_eq!(schema_errors(&whole("built_in: none, checks: none")), [] as [&str; 0]);
    for wrong in ["built_in: nothing", "built_in: [alarms]", "checks: nothing", "checks: { tasks: green }"] {
        assert!(!gate::check(&whole(wrong)).is_empty() && !is_valid(&whole(wrong)), "{wrong}");
    }
}

/// VS Code shows these texts in place of the regular expressions.
#[test]
fn the_messages_of_the_schema_name_the_kind() {
    let schema = gate::schema();
    let conditions = schema["$defs"].as_object().unwrap().iter().filter(|(name, _)| name.starts_with("condition_of_"));
    let messages = conditions.flat_map(|(_, condition)| {
        let subjects = condition["allOf"].as_array().unwrap().iter().map(|it| &it["then"]["patternErrorMessage"]);
        std::iter::once(&condition["patternErrorMessage"]).chain(subjects)
    });
    let messages: Vec<_> = messages.map(|message| message.as_str().unwrap()).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

/// The paths of all keys in a schema, for example `hooks.*.checks.http`, for any hook.
fn known(schema: &Value, root: &Value, path: &str, paths: &mut BTreeSet<String>) {
    if let Some(to) = schema["$ref"].as_str() {
        known(root.pointer(to.trim_start_matches('#')).unwrap(), root, path, paths);
    }
    let parts = schema["anyOf"].as_array().into_iter().flatten().chain(schema.get("items"));
    parts.for_each(|part| known(part, root, path, paths));
    if schema["additionalProperties"].is_object() {
        known(&schema["additionalProperties"], root, &format!("{path}.*"), paths);
    }
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = match path {
            "" => key.clone(),
            "hooks" => "hooks.*".to_owned(),
            // Its keys are those of checks.
            "hooks.*.built_in" => "hooks.*.checks".to_owned(),
            path => format!("{path}.{key}"),
        };
        known(schema, root, &path, paths);
        paths.insert(path);
    }
}

/// The paths of all keys in a file.
fn used(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    value.as_array().into_iter().flatten().for_each(|item| used(item, path, paths));
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = match path {
            "" => key.clone(),
            "hooks" => "hooks.*".to_owned(),
            // Its keys are those of checks.
            "hooks.*.built_in" => "hooks.*.checks".to_owned(),
            path => format!("{path}.{key}"),
        };
        used(value, &path, paths);
        paths.insert(path);
    }
}

#[test]
fn every_key_has_a_sample_in_the_manual() {
    let schema = gate::schema();
    let (mut all, mut seen) = (BTreeSet::new(), BTreeSet::new());
    known(&schema, &schema, "", &mut all);
    samples().into_iter().for_each(|sample| used(&json(sample), "", &mut seen));
    assert!(all.contains("hooks.*.checks.http") && all.contains("defaults.http.retry.transport"), "{all:?}");
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "docs/GATE-FILE.md has no sample with these keys: {missing:?}");
}

fn any_span() -> impl Strategy<Value = String> {
    (0_u32..700, prop_oneof![Just("ms"), Just("s")]).prop_map(|(number, unit)| format!("{number}{unit}"))
}

fn any_check() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        Just("tasks: green\n        expect: [running == desired, 'pending == 0']"),
        Just("tasks: blue\n        expect: steady == true"),
        Just("targets: green\n        expect: ['healthy >= 2']"),
        Just("forwards_to: green\n        listener: production"),
        Just(
            "http: 'POST {{test_url}}/x?y=1'\n        headers: { X-A: 'b: c', Accept: '*/*' }\n        expect: ['status in 200-299, 301', \"json.a == 'x, y'\", \"body matches '^{{green.image_tag}}$'\"]"
        ),
        Just("http: '{{production_url}}/'\n        expect: [latency < 1s]"),
        Just("http: 'https://example.com/'\n        any_version: true\n        expect: [status == 200]"),
        Just(
            "alarms: { names: [a, 'b c'] }\n        expect: ['state in OK, INSUFFICIENT_DATA']\n        new_only: true"
        ),
        Just("alarms: deployment-group\n        expect: [state != ALARM]"),
        Just("preflight: [service, rollback]"),
    ];
    let policy = || prop_oneof![Just("fail"), Just("warn"), Just("ignore")];
    let more = proptest::option::of((policy(), policy(), policy()));
    let when = proptest::option::of(prop_oneof![Just("env.A == b"), Just("region in eu-west-1, us-east-1")]);
    (kind, more, when).prop_map(|(kind, policies, when)| {
        let policies = policies.map(|(fail, error, data)| {
            format!("        on_fail: {fail}\n        on_error: {error}\n        no_data: {data}\n")
        });
        let when = when.map(|when| format!("        when: ['{when}']\n"));
        format!("{kind}\n{}{}", policies.unwrap_or_default(), when.unwrap_or_default())
    })
}

prop_compose! {
    fn any_gate()(
        mode in prop_oneof![Just("enforce"), Just("observe")],
        run in prop_oneof![Just("collect"), Just("fail-fast")],
        built_in in any::<bool>(),
        policy in prop_oneof![Just("fail"), Just("warn")],
        within in any_span(),
        checks in proptest::collection::vec(any_check(), 0..5),
        words in "[a-z ':#\\[\\]\"]{6,20}",
    ) -> String {
        let checks: String =
            checks.iter().enumerate().map(|(index, check)| format!("      - name: check {index}\n        {check}")).collect();
        let checks = if checks.is_empty() { "    checks: none\n".to_owned() } else { format!("    checks:\n{checks}") };
        let built_in = if built_in { format!("{{ health_check: {{ within: {within} }} }}") } else { "none".to_owned() };
        let words = serde_json::to_string(&format!("x{words}x")).unwrap();
        format!(
            "version: 1\nmode: {mode}\ndefaults: {{ on_error: {policy}, http: {{ timeout: 3s }} }}\n\
             skip: {{ marker: {words}, until: 2027-01-31 }}\nsecrets: {{ token: ssm:/a/b }}\n\
             notify: [{{ eventbridge: default, when: [failed] }}]\n\
             hooks:\n  after_allow_traffic:\n    deadline: 12m\n    run: {run}\n    built_in: {built_in}\n{checks}"
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_means_the_same(file in any_gate()) {
        let hook = Hook::AfterInstall;
        let shown = |faults: &Vec<gate::Diagnostic>| format!("{faults:?}\n{file}");
        let printed = gate::to_yaml(Some(&file), hook);
        prop_assert!(printed.is_ok(), "{}", shown(&printed.unwrap_err()));
        prop_assert_eq!(schema_errors(&file), [] as [&str; 0], "{}", file);
        let printed = printed.unwrap_or_default();
        let again = gate::to_yaml(Some(&printed), hook);
        prop_assert!(again.is_ok(), "{}\n{printed}", shown(&again.unwrap_err()));
        prop_assert_eq!(again.unwrap_or_default(), printed.clone());
        let explained = |text: &str| gate::explain(Some(text), hook).unwrap().to_string().replace(", built-in", "");
        prop_assert_eq!(explained(&printed), explained(&file));
    }

    #[test]
    fn an_arbitrary_text_never_panics(text in ".{0,400}") {
        let _ = gate::render(&text, &gate::check(&text), "x");
        let _ = gate::load(Hook::AfterInstall, Some(&text));
    }

    #[test]
    fn a_gate_file_with_a_wound_never_panics(file in any_gate(), at in any::<prop::sample::Index>(), with in "[ -~\n\t]{0,3}") {
        let at = at.index(file.len());
        let wounded = format!("{}{with}{}", &file[..at], &file[(at + 1).min(file.len())..]);
        let faults = gate::check(&wounded);
        let _ = gate::render(&wounded, &faults, "x");
    }
}
