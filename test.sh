#!/usr/bin/env bash
# Runs every check of the project: the one test command.
#
#   ./test.sh                 everything
#   ./test.sh rust clients    only the steps named
#
# Steps: format lint docs rust policy clients. One profile (dev) serves them all, so that the dependencies are built
# once. A tool that is not installed is skipped with a line that says so; with CI=true a missing one is a failure.
# The clients run under the Python named by SIDEREUS_PYTHON (python3 if unset), which needs the packages of
# flight-server/clients/requirements.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(format lint docs rust policy clients)
report=()
failed=0

# run TITLE COMMAND...: runs one command, times it and remembers how it ended; false if it failed.
run() {
  local title=$1 begun=$SECONDS
  shift
  printf '\n== %s: %s\n' "$title" "$*"
  if "$@"; then
    report+=("ok      $((SECONDS - begun)) s  $title")
  else
    report+=("FAILED  $((SECONDS - begun)) s  $title")
    failed=1
    return 1
  fi
}

# missing TOOL: tells that a tool is not there; under CI=true that is a failure.
missing() {
  printf '\n== skipped: %s is not installed\n' "$1"
  if [ "${CI:-}" = true ]; then
    report+=("FAILED  $1 is not installed")
    failed=1
  else
    report+=("skipped $1 is not installed")
  fi
}

step_format() { run "format" cargo fmt --all --check; }

step_lint() { run "lint" cargo clippy --workspace --all-targets --locked -- -D warnings; }

step_docs() { RUSTDOCFLAGS="-D warnings" run "docs" cargo doc --workspace --no-deps --locked; }

step_rust() { run "rust" cargo test --workspace --locked --no-fail-fast; }

# Licences, duplicated crates, spelling. The tools are optional: continuous integration need not build them.
step_policy() {
  if cargo deny --version >/dev/null 2>&1; then
    # It reads the licences of all that is locked, for other systems too.
    cargo fetch --locked --quiet
    run "licences" cargo deny --offline check bans licenses sources
  else
    printf '\n== skipped: cargo-deny is not installed\n'
    report+=("skipped cargo-deny is not installed")
  fi
  if command -v typos >/dev/null; then
    run "spelling" typos
  else
    printf '\n== skipped: typos is not installed\n'
    report+=("skipped typos is not installed")
  fi
}

step_clients() {
  local python=${SIDEREUS_PYTHON:-python3}
  command -v "$python" >/dev/null || { missing "python3 (for the clients)"; return; }
  run "build for the clients" cargo build --workspace --all-targets --locked || return 0
  run "clients" "$python" flight-server/clients/checks/run.py "$(binary)"
}

# Path of the debug binary, wherever cargo builds.
binary() {
  local target
  target=$(cargo metadata --format-version 1 --no-deps --offline | grep -o '"target_directory":"[^"]*"' | cut -d'"' -f4)
  printf '%s/debug/sidereus' "$target"
}

for step in "${steps[@]}"; do
  declare -F "step_$step" >/dev/null || { echo "unknown step: $step (format lint docs rust policy clients)" >&2; exit 2; }
  "step_$step" || true  # told in the summary; the other steps run all the same
done

printf '\n== summary\n'
printf '%s\n' "${report[@]}"
exit "$failed"
