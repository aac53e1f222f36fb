# `make` lists the targets. Needs GNU make, a POSIX shell and Rust. `make test` also needs Python with its venv module.

HOOKS := before-install after-install after-allow-test-traffic before-allow-traffic after-allow-traffic
FUNCTIONS := $(HOOKS) on-failure
PACKAGES := $(FUNCTIONS:%=--package %)
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

# Tools for this repository are in .tools, which git ignores. Each has a fixed version.
TOOLS := $(CURDIR)/.tools
CARGO_DENY := 0.20.2
CARGO_CYCLONEDX := 0.5.9
# Of the tools that build and deploy, every package has a fixed hash too.
CARGO_LAMBDA := $(shell sed -n 's/^cargo-lambda==\([^ ]*\).*/\1/p' infra/tools/cargo-lambda.txt)
AWS_SAM_CLI := $(shell sed -n 's/^aws-sam-cli==\([^ ]*\).*/\1/p' infra/tools/aws-sam-cli.txt)
# The lists are complete, so pip installs nothing that they do not name, and runs no setup script.
BY_HASH := --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes --requirement
MINISTACK := 1.5.33
CBOR2 := 6.3.0
AWS_SAM_TRANSLATOR := 1.115.0
CHECKOV := 3.3.30
AWS_CLI := 1.46.3
# Version 2.6.3 of aws-actions/amazon-ecs-deploy-task-definition.
DEPLOY_ACTION := c465972ecbd160473f22e683363b422a5412a3de
PYTHON := $(TOOLS)/python
export PATH := $(TOOLS)/bin:$(TOOLS)/python/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help rehearse test soak guards fuzz bench size-check size-record rie-test emulator-test clients-test infra-lint lint fmt docs check package sbom deploy destroy \
	advisories tools package-tools deploy-tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

rehearse: ## run a simulated deployment through the real hooks on this machine (ARGS=--list, ARGS=--all, ARGS=--help)
	@test -e $(TARGET)/debug/greenlight || echo "The first build takes some minutes, mostly for the AWS SDK." >&2
	@cargo build --locked --package greenlight $(PACKAGES)
	@$(TARGET)/debug/greenlight rehearse $(ARGS)

# The programs that the tests start are built with the features of the tests. Otherwise cargo would compile everything twice.
test: $(PYTHON)/.tests ## run every test, including those that start the real hooks (needs Python, for AWS's service models)
	$(PYTHON)/bin/cfn-lint $(TEMPLATES)
	cargo build --locked --workspace --bins --tests
	GREENLIGHT_BINARIES=$(TARGET)/debug GREENLIGHT_PYTHON=$(PYTHON)/bin/python cargo test --locked --workspace --no-fail-fast

soak: ## run random combinations of faults, COUNT=1000 runs from SEED=… on; exits with 1 if a run broke the guarantee
	cargo build --locked --workspace --bins --tests
	GREENLIGHT_BINARIES=$(TARGET)/debug $(TARGET)/debug/soak "$(or $(COUNT),1000)" "$(SEED)"

# Without a sanitizer, because unsafe code is forbidden here. The targets look for panics and broken invariants.
FUZZ := $(TARGET)/fuzz-corpus
fuzz: ## random bytes as gate file and as event, SECONDS=600 each (needs cargo-fuzz and a nightly toolchain)
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is not installed: cargo install --locked cargo-fuzz" >&2; exit 1; }
	mkdir -p $(FUZZ)/gate $(FUZZ)/event $(FUZZ)/samples
	awk '/^```yaml$$/ { file = "$(FUZZ)/samples/" ++n ".yaml"; next } /^```$$/ { file = ""; next } file { print > file }' docs/GATE-FILE.md
	cargo +nightly fuzz run --sanitizer none --target-dir $(TARGET)/fuzz gate $(FUZZ)/gate $(FUZZ)/samples docs/examples \
		crates/gate/tests/faulty -- -dict=fuzz/gate.dict -max_len=4096 -timeout=10 -max_total_time=$(or $(SECONDS),600)
	cargo +nightly fuzz run --sanitizer none --target-dir $(TARGET)/fuzz event $(FUZZ)/event fuzz/seeds/event \
		-- -max_len=2048 -timeout=10 -max_total_time=$(or $(SECONDS),600)

# The functions are built alone, as `make package` builds them: together with the benchmark they would get its features.
ARM64 := $(TARGET)/aarch64-unknown-linux-gnu/release
bench: ## measure time, instructions, memory and size of the functions and of a baseline (ARGS=--help; see docs/PERFORMANCE.md)
	cargo build --locked --release $(PACKAGES)
	cargo build --locked --profile benchmark --package greenlight-bench
	cargo build --locked --release --manifest-path bench/baseline/Cargo.toml --target-dir $(TARGET)/baseline
	$(TARGET)/benchmark/bench --binaries $(TARGET)/release --other-architecture $(ARM64) \
		--baseline $(TARGET)/baseline/release/greenlight-baseline --out $(TARGET)/bench $(ARGS)

# The same features as in `make test`, so that only the functions are compiled here.
SIZE_CHECK = $(TARGET)/debug/bench --binaries $(TARGET)/release --check bench/committed.json
size-check: ## compare size, crates and instructions of the functions with bench/committed.json (some need valgrind)
	cargo build --locked --release $(PACKAGES)
	cargo build --locked --workspace --bin bench
	$(SIZE_CHECK)

size-record: ## write them to bench/committed.json; the commit has to say why
	cargo build --locked --release $(PACKAGES)
	cargo build --locked --workspace --bin bench
	$(SIZE_CHECK) --record

guards: $(PYTHON)/.tests ## remove each safeguard and expect a test to fail (an hour; GUARD=word for some of them)
	$(PYTHON)/bin/python tests/guards/remove.py $(GUARD)

# The CloudFormation templates, without other YAML files in the same folders.
TEMPLATES = $(shell grep -rl --exclude-dir=.aws-sam --include=*.yaml '^AWSTemplateFormatVersion:' infra)

# AWS's service models, boto3 and cfn-lint, pinned in tests/requirements.txt. The file .tests records that they are installed.
$(PYTHON)/.tests: tests/requirements.txt
	python3 -m venv $(PYTHON)
	$(PYTHON)/bin/pip install $(BY_HASH) $<
	@touch $@

rie-test: $(TOOLS)/.aws-lambda-rie-$(AWS_SAM_CLI) ## run the hooks under AWS's Runtime Interface Emulator (Linux)
	cargo build --locked $(PACKAGES)
	GREENLIGHT_BINARIES=$(TARGET)/debug GREENLIGHT_RIE=$(TOOLS)/aws-lambda-rie \
		cargo test --locked --package greenlight-tests --features rie --test rie

# The emulator is inside the wheel of the SAM command line. The wheel's dependencies are not needed. The file's name records the
# installed version.
$(TOOLS)/.aws-lambda-rie-$(AWS_SAM_CLI):
	@test "$$(uname -s)" = Linux || { echo "the Runtime Interface Emulator is a program for Linux" >&2; exit 1; }
	python3 -m venv $(PYTHON)
	rm -rf $(TOOLS)/sam && mkdir -p $(TOOLS)/sam
	$(PYTHON)/bin/pip download --quiet --disable-pip-version-check --no-deps --dest $(TOOLS)/sam aws-sam-cli==$(AWS_SAM_CLI)
	$(PYTHON)/bin/python -m zipfile --extract $(TOOLS)/sam/*.whl $(TOOLS)/sam
	install -m 755 $(TOOLS)/sam/samcli/local/rapid/aws-lambda-rie-$$(uname -m | sed 's/aarch64/arm64/') $(TOOLS)/aws-lambda-rie
	@rm -r $(TOOLS)/sam
	@touch $@

clients-test: $(TOOLS)/.aws-cli-$(AWS_CLI) $(TOOLS)/deploy-action/.$(DEPLOY_ACTION) ## deploy with the aws CLI and AWS's deploy action (needs Node)
	cargo build --locked $(PACKAGES) --package greenlight
	GREENLIGHT_BINARIES=$(TARGET)/debug GREENLIGHT_AWS_CLI=$(TOOLS)/aws-cli/bin/aws \
		GREENLIGHT_DEPLOY_ACTION=$(TOOLS)/deploy-action cargo test --locked --package greenlight-tests --features clients --test clients

$(TOOLS)/.aws-cli-$(AWS_CLI):
	python3 -m venv $(TOOLS)/aws-cli
	$(TOOLS)/aws-cli/bin/pip install --quiet --disable-pip-version-check awscli==$(AWS_CLI)
	@touch $@

# A commit, because a tag can be moved.
$(TOOLS)/deploy-action/.$(DEPLOY_ACTION):
	rm -rf $(TOOLS)/deploy-action
	git clone --quiet https://github.com/aws-actions/amazon-ecs-deploy-task-definition.git $(TOOLS)/deploy-action
	git -C $(TOOLS)/deploy-action checkout --quiet $(DEPLOY_ACTION)
	@touch $@

emulator-test: deploy-tools $(TOOLS)/ministack/.$(MINISTACK) ## deploy the stack to an emulator of AWS and invoke its functions there (Linux)
	@TOOLS=$(TOOLS) sh infra/emulator.sh

# MiniStack, an AWS emulator by other authors, which runs functions with custom runtimes as processes. It needs CBOR for
# CloudWatch's clients, and AWS's translator for SAM templates.
$(TOOLS)/ministack/.$(MINISTACK):
	python3 -m venv $(TOOLS)/ministack
	$(TOOLS)/ministack/bin/pip install --quiet --disable-pip-version-check \
		ministack==$(MINISTACK) cbor2==$(CBOR2) aws-sam-translator==$(AWS_SAM_TRANSLATOR)
	@touch $@

infra-lint: $(TOOLS)/.sam-$(AWS_SAM_CLI) $(TOOLS)/.checkov-$(CHECKOV) ## check the templates with SAM and checkov (installs both; a minute)
	@for template in $(TEMPLATES); do AWS_DEFAULT_REGION=eu-west-1 SAM_CLI_TELEMETRY=0 \
		sam validate --lint --template $$template || exit 1; done
	$(TOOLS)/checkov/bin/checkov --compact --quiet --skip-download $(TEMPLATES:%=--file %)

# SAM and checkov each have their own environment, because they and the tests need different versions of boto3.
$(TOOLS)/.sam-$(AWS_SAM_CLI): infra/tools/aws-sam-cli.txt
	python3 -m venv $(TOOLS)/aws-sam-cli
	$(TOOLS)/aws-sam-cli/bin/pip install $(BY_HASH) $<
	mkdir -p $(TOOLS)/bin
	ln -sf ../aws-sam-cli/bin/sam $(TOOLS)/bin/sam
	@touch $@

$(TOOLS)/.checkov-$(CHECKOV):
	python3 -m venv $(TOOLS)/checkov
	$(TOOLS)/checkov/bin/pip install --quiet --disable-pip-version-check checkov==$(CHECKOV)
	@touch $@

lint: ## check formatting, clippy, and dependencies and settings that must not come back
	cargo fmt --all -- --check
	cargo clippy --locked --workspace --all-targets --features greenlight-tests/rie,greenlight-tests/emulator,greenlight-tests/clients -- --deny warnings
	@! grep -n '^name = "aws-lc' Cargo.lock || \
		{ echo "Cargo.lock contains aws-lc again, whose first use costs a hook 0.4 s (see deny.toml); run cargo tree --invert aws-lc-sys" >&2; exit 1; }
	@! cargo tree --locked --edges normal --prefix none $(PACKAGES) | grep '^aws-config ' || \
		{ echo "a hook depends on aws-config; only crates/greenlight needs it, because Lambda gives a hook its credentials" >&2; exit 1; }
	@! grep -n '^aws-sdk' $(filter-out crates/aws-client/Cargo.toml,$(wildcard crates/*/Cargo.toml)) || \
		{ echo "only crates/aws-client uses the AWS SDK; add the operation there" >&2; exit 1; }
	@sed -n '/^\[profile\.release\]/,/^$$/p' Cargo.toml | grep -q '^panic = "unwind"' || \
		{ echo 'Cargo.toml: [profile.release] must have panic = "unwind"; otherwise cargo-lambda builds with abort, and a hook that panics puts no status' >&2; exit 1; }
	@! grep -n 'panic *= *"abort"' Cargo.toml crates/*/Cargo.toml || \
		{ echo "remove panic = abort: a hook that aborts puts no status, and CodeDeploy waits for an hour" >&2; exit 1; }
	@if command -v cargo-deny >/dev/null; then cargo deny --locked --log-level error check bans licenses sources; \
		else echo "cargo-deny is not installed, so deny.toml was not checked; make tools installs it" >&2; fi

fmt: ## format the code
	cargo fmt --all

docs: ## build the API documentation, with warnings as errors
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps

check: lint docs test size-check ## lint, docs, test and size-check, as CI does

package: ## build zip files of the functions, ARCHITECTURES="arm64 x86_64" or those that this machine can build
	@sh infra/package.sh $(FUNCTIONS)

sbom: ## write a bill of materials (CycloneDX) for each function to target/sbom (installs cargo-cyclonedx; some minutes)
	@sh infra/sbom.sh $(TOOLS) $(CARGO_CYCLONEDX) $(FUNCTIONS)

deploy: ## build the functions and deploy their stack into an AWS account; asks before it changes anything
	@sh infra/deploy.sh

destroy: ## delete the functions' stack; asks first
	@sh infra/destroy.sh

advisories: ## check the dependencies for known vulnerabilities (needs the internet)
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed; make tools installs it" >&2; exit 1; }
	cargo deny --locked check advisories

package-tools: $(TOOLS)/.cargo-lambda-$(CARGO_LAMBDA) ## install the tool that builds the functions into .tools (needs Python)

deploy-tools: package-tools $(TOOLS)/.sam-$(AWS_SAM_CLI) ## install the tools that build and deploy the functions into .tools (needs Python)

# cargo-lambda comes with its linker, Zig, and finds it through the python3 of its environment, which is on PATH.
$(TOOLS)/.cargo-lambda-$(CARGO_LAMBDA): infra/tools/cargo-lambda.txt
	python3 -m venv $(PYTHON)
	$(PYTHON)/bin/pip install $(BY_HASH) $<
	@touch $@

tools: deploy-tools ## install the deploy tools, and the tools that `make lint` uses (some minutes)
	cargo install --quiet --locked --root $(TOOLS) cargo-deny@$(CARGO_DENY)

clean: ## remove build output; .tools stays
	cargo clean
