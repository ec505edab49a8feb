#!/usr/bin/env bash
# Do other systems give the answers that Sidereus gives? A short comparison on a small sky.
#
#   benches/scripts/compare_small.sh [FOLDER WITH sidereus AND sidereus-benches] [PYTHON]
#
# Takes a minute or two. Fails where an answer of Sidereus is not that of the others; its times mean nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

programs=${1:-target/debug}
python=${2:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$programs/sidereus-benches" make-sky --rows 100000 --out "$scratch/sky"
"$programs/sidereus-benches" compare --catalog "$scratch/sky" --second-rows 20000 --work "$scratch/work" \
  --binary "$programs/sidereus" --python "$python" --json "$scratch/report.json" \
  --peers sidereus,duckdb_parquet,polars_parquet --tasks cone,polygon,identifier,scan,density,crossmatch,export \
  --repeat 1 --probes 20 --budget 1
