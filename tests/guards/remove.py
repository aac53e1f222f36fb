"""Removes one guard at a time and shows that a test fails without it.

guards.toml lists the guards: a piece of the code, and what stands there once the guard is gone. Each is removed in a
worktree of the commit at HEAD, so nothing here is touched; then the unit tests run, if they see nothing the whole programs,
and if nothing is seen there either the matrix and the storm. A guard that no test misses, or a piece of code that is no longer there, ends this with exit code 1.

    python3 tests/guards/remove.py [WORD ...]    only guards whose name holds one of the words
    python3 tests/guards/remove.py --check       removes nothing; ends with 1 if a guard's piece is not in the code once
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


# How long tests may take, in seconds, once they are built. Without its guard something may wait for ever.
UNITS, PROGRAMS_AT_MOST = 600, 1200


def run(folder, env, *words, limit=None):
    """A command's exit code and what it wrote. One that does not end within the limit, in seconds, is ended."""
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
    """The names of the tests that failed, as cargo lists them."""
    lines = output.splitlines()
    return sorted({line[5:-11].strip() for line in lines if line.startswith("test ") and line.endswith("... FAILED")})


def missed_by(folder, env, tests):
    """Which tests fail now; none if all pass. A change that does not compile is none that anybody could make."""
    code, output = run(folder, env, "cargo", "test", "--locked", "--package", "gate", "--package", "aws-client", "--package", "hook-core", "--lib", limit=UNITS)
    if code != 0:
        return failed(output) or ["it does not compile:\n" + output[-2000:]]
    # With the tests' own features: the checks that break their process.
    build = ["cargo", "build", "--locked", *PROGRAMS, "--bins", "--tests"]
    code, output = run(folder, env, *build)
    if code != 0:
        return ["it does not compile:\n" + output[-2000:]]
    quick = [word for test in tests["quick"] for word in ("--test", test)]
    command = ["cargo", "test", "--locked", "--no-fail-fast", *PROGRAMS]
    # The matrix takes minutes, and is asked when nothing else sees anything.
    matrix = ["every_operation_with_every_trouble"]
    missed = failed(run(folder, env, *command, *quick, "--", "--skip", *matrix, limit=PROGRAMS_AT_MOST)[1])
    slow = [word for test in tests["slow"] for word in ("--test", test)]
    filters = [*matrix, "the_promise_holds_in_a_storm"]
    if missed or not slow:
        return missed
    return failed(run(folder, env, *command, *slow, "--", *filters, limit=PROGRAMS_AT_MOST)[1])


def lost(guards, folder):
    """Of each guard whose piece of the code is not there, or there more than once: what is meant."""
    for guard in guards:
        for edit in guard["edit"]:
            times = (folder / edit["file"]).read_text().count(edit["find"])
            if times != 1:
                yield f"{guard['name']}: {edit['file']} has this {times} times, and once is meant:\n{edit['find']}"


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
            # A test that fails with all guards in place says nothing of any. And what is built now is not built within
            # the limit of a test.
            run(folder, env, "cargo", "test", "--locked", "--package", "gate", "--package", "aws-client", "--package", "hook-core", "--lib", "--no-run")
            run(folder, env, "cargo", "build", "--locked", *PROGRAMS, "--bins", "--tests")
            if broken := missed_by(folder, env, {**listed["tests"], "slow": []}):
                sys.exit(f"with all guards in place these fail: {', '.join(broken)}")
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
                told = f"missed by {len(missed)}: {', '.join(missed[:3])}" if missed else "MISSED BY NO TEST"
                print(f"{guard['name']:<62} {told}", flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)
    print(f"{len(guards)} guards removed, {len(guards) - len(survived)} of them missed by a test")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
