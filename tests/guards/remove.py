"""Removes one guard at a time, and checks that a test fails without it.

guards.toml lists the guards. Each has a piece of code, and the code that replaces it when the guard is removed. The script
removes a guard in a separate worktree of HEAD, so your files stay as they are. It runs the unit tests first, then the tests
of whole programs if no unit test fails, and then the fault matrix and the storm. The exit code is 1 if no test fails without
a guard, or if a guard's piece of code is not in the code exactly once.

    python3 tests/guards/remove.py [WORD ...]    only guards whose name contains one of the words
    python3 tests/guards/remove.py --check       removes nothing, and only looks for each guard's piece of code
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOOKS = ["before-install", "after-install", "after-allow-test-traffic", "before-allow-traffic", "after-allow-traffic"]
PACKAGES = [*HOOKS, "on-failure", "greenlight", "greenlight-tests"]
PROGRAMS = [word for package in PACKAGES for word in ("--package", package)]


# The limits for tests that are already built, in seconds. Without a guard, a test can wait forever.
UNITS, PROGRAMS_AT_MOST = 600, 1200


def run(folder, env, *words, limit=None):
    """Runs a command and returns its exit code and its output. Kills it after the limit, in seconds."""
    started = {"cwd": folder, "env": env, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(words, start_new_session=True, **started) as process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += "\ntest that did not end ... FAILED\n"
        return process.returncode, output


def failed(output):
    """Returns the names of the failed tests, as cargo lists them."""
    lines = output.splitlines()
    return sorted({line[5:-11].strip() for line in lines if line.startswith("test ") and line.endswith("... FAILED")})


def missed_by(folder, env, tests):
    """Returns the tests that fail now. A change that does not compile does not count: nobody could make it by mistake."""
    code, output = run(folder, env, "cargo", "test", "--locked", "--package", "gate", "--package", "aws-client", "--package", "hook-core", "--lib", limit=UNITS)
    if code != 0:
        return failed(output) or ["it does not compile:\n" + output[-2000:]]
    # With the features for tests: checks that break their own process.
    build = ["cargo", "build", "--locked", *PROGRAMS, "--bins", "--tests"]
    code, output = run(folder, env, *build)
    if code != 0:
        return ["it does not compile:\n" + output[-2000:]]
    quick = [word for test in tests["quick"] for word in ("--test", test)]
    command = ["cargo", "test", "--locked", "--no-fail-fast", *PROGRAMS]
    # The fault matrix takes minutes, so it runs only if no other test fails.
    matrix = ["every_operation_with_every_trouble"]
    missed = failed(run(folder, env, *command, *quick, "--", "--skip", *matrix, limit=PROGRAMS_AT_MOST)[1])
    slow = [word for test in tests["slow"] for word in ("--test", test)]
    filters = [*matrix, "the_promise_holds_in_a_storm"]
    if missed or not slow:
        return missed
    return failed(run(folder, env, *command, *slow, "--", *filters, limit=PROGRAMS_AT_MOST)[1])


def lost(guards, folder):
    """Describes each guard whose piece of code is not in its file exactly once."""
    for guard in guards:
        for edit in guard["edit"]:
            times = (folder / edit["file"]).read_text().count(edit["find"])
            if times != 1:
                yield f"{guard['name']}: {edit['file']} contains this {times} times instead of once:\n{edit['find']}"


def main():
    words = sys.argv[1:]
    listed = tomllib.loads((ROOT / "tests/guards/guards.toml").read_text())
    if words == ["--check"]:
        sys.exit("\n".join(lost(listed["guard"], ROOT)) or None)
    guards = [guard for guard in listed["guard"] if not words or any(word in guard["name"] for word in words)]
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    env = {**os.environ, "CARGO_TARGET_DIR": target + "/guards", "GREENLIGHT_BINARIES": target + "/guards/debug"}
    env |= {"INSTA_UPDATE": "no", "INSTA_FORCE_PASS": "0", "RUST_BACKTRACE": "0"}
    survived = []
    if missing := "\n".join(lost(guards, ROOT)):
        sys.exit(missing)
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "guards"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", folder, "HEAD"], cwd=ROOT, check=True)
        try:
            # If a test fails with all guards in place, its failure proves nothing. This also builds everything before
            # the limits of the tests apply.
            run(folder, env, "cargo", "test", "--locked", "--package", "gate", "--package", "aws-client", "--package", "hook-core", "--lib", "--no-run")
            run(folder, env, "cargo", "build", "--locked", *PROGRAMS, "--bins", "--tests")
            if broken := missed_by(folder, env, {**listed["tests"], "slow": []}):
                sys.exit(f"these tests fail with all guards in place: {', '.join(broken)}")
            for guard in guards:
                edits = [(folder / edit["file"], edit) for edit in guard["edit"]]
                before = {path: path.read_text() for path, _ in edits}
                for path, edit in edits:
                    path.write_text(path.read_text().replace(edit["find"], edit["replace"]))
                missed = missed_by(folder, env, listed["tests"])
                for path, text in before.items():
                    path.write_text(text)
                if not missed or missed[0].startswith("it does not compile"):
                    survived.append(guard["name"])
                told = f"{len(missed)} tests fail: {', '.join(missed[:3])}" if missed else "NO TEST FAILS"
                print(f"{guard['name']:<62} {told}", flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)
    print(f"{len(guards)} guards removed; a test fails without {len(guards) - len(survived)} of them")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
