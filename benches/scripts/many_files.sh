#!/usr/bin/env bash
# What do thousands of files and hundreds of columns cost? Makes four skies of the same stars and asks each for small cones.
#
#   benches/scripts/many_files.sh FOLDER [ROWS]        (release: cargo build --release --workspace --bins; BIN=target/release)
#
#   few        12 columns, partitions of 1,000,000 rows        the measure for the others
#   many       12 columns, thousands of partitions
#   wide      150 columns, thousands of partitions
#   crowded    12 columns, thousands of partitions, half of the rows in one percent of the sky
#
# Prints a line a sky: seconds and peak memory of making it, files, seconds until the server answers, its memory, the first
# cone, and the median of 50 others, of four columns and of all, in milliseconds; then memory again. The cone of `many`, `wide` and
# `crowded` must take no longer than that of `few`. Needs GNU time and curl.
set -euo pipefail

folder=${1:?usage: many_files.sh FOLDER [ROWS]}
rows=${2:-4000000}
bin=${BIN:-target/release}
per_partition=$((rows / 2600))
mkdir -p "$folder"

make_sky() { # name, columns, rows a partition, further options
  local name=$1 columns=$2 partition=$3
  shift 3
  [ -e "$folder/$name" ] && return
  /usr/bin/time -f "%e s, %M KB at most" -o "$folder/$name.made" \
    "$bin/sidereus-benches" make-sky --rows "$rows" --columns "$columns" --rows-per-partition "$partition" \
    --out "$folder/$name" "$@" 2> "$folder/$name.log"
}

ask() { # query: milliseconds until the whole answer
  curl -sS --fail-with-body -o "$folder/answer" -w '%{time_total}\n' --get "$http/tap/sync" \
    --data-urlencode "LANG=ADQL" --data-urlencode "FORMAT=csv" --data-urlencode "QUERY=$1" | awk '{printf "%.1f\n", 1000 * $1}'
}

memory() { awk '/VmRSS/ {printf "%.0f", $2 / 1024}' "/proc/$server/status"; }

cone() { # columns, number: cones along the sky
  awk -v what="$1" -v sky="$name" -v n="$2" 'BEGIN {
    printf "SELECT %s FROM %s WHERE DISTANCE(ra, dec, %.4f, %.4f) < 1/60.0", what, sky, (n * 137.508) % 360, (n * 61.803) % 160 - 80 }'
}

measure() {
  name=$1
  "$bin/sidereus" serve --catalogs "$folder/$name" --flight 127.0.0.1:0 --http 127.0.0.1:0 \
    > "$folder/$name.out" 2> "$folder/$name.err" &
  server=$!
  trap 'kill $server 2>/dev/null || true' EXIT
  local begun started first four all before
  begun=$(date +%s.%N)
  until grep -q '^http: ' "$folder/$name.out"; do sleep 0.05; kill -0 $server; done
  started=$(echo "$(date +%s.%N) - $begun" | bc)
  http=$(sed -n 's/^http: *//p' "$folder/$name.out" | head -1)
  http=${http%/}
  http=${http%/tap}
  before=$(memory)
  first=$(ask "$(cone 'source_id, ra, dec, phot_g_mean_mag' 1)")
  for n in $(seq 2 51); do ask "$(cone 'source_id, ra, dec, phot_g_mean_mag' "$n")" > /dev/null; done
  four=$(for n in $(seq 2 51); do ask "$(cone 'source_id, ra, dec, phot_g_mean_mag' "$n")"; done | sort -n | sed -n 25p)
  for n in $(seq 2 51); do ask "$(cone '*' "$n")" > /dev/null; done
  all=$(for n in $(seq 2 51); do ask "$(cone '*' "$n")"; done | sort -n | sed -n 25p)
  count=$(ask "SELECT COUNT(*) AS n FROM $name")
  extremes=$(ask "SELECT MIN(source_id) AS a, MAX(phot_g_mean_mag) AS b FROM $name")
  again=$(ask "SELECT MIN(source_id) AS a, MAX(phot_g_mean_mag) AS b FROM $name")
  printf '%-8s made in %s; %s files; serves after %.2f s with %s MB; first cone %s ms, then %s ms, * %s ms; count %s ms, extremes %s ms, again %s ms; %s MB\n' \
    "$name" "$(cat "$folder/$name.made")" "$(find "$folder/$name" -name 'Npix=*' | wc -l)" "$started" "$before" \
    "$first" "$four" "$all" "$count" "$extremes" "$again" "$(memory)"
  kill $server
  wait $server 2>/dev/null || true
  trap - EXIT
}

make_sky few 12 1000000
make_sky many 12 "$per_partition"
make_sky wide 150 "$per_partition"
make_sky crowded 12 "$per_partition" --crowded
for sky in few many wide crowded; do measure "$sky"; done
