#!/usr/bin/env bash
# Shows the whole way of a snapshot on a copy of a real tree, and proves each claim with other tools.
#   scripts/demo.sh [BINARY]        DEMO_TREE=/usr/include is what is copied; everything else is temporary
set -euo pipefail

varve=$(realpath "${1:-.build/release/varve}")
top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
tree=${DEMO_TREE:-/usr/include}
work=$(mktemp -d -t varve-demo.XXXX)
trap 'chmod -R u+rwX "$work" 2>/dev/null; rm -rf "$work"' EXIT
started=$SECONDS

bold= normal=
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' normal=$'\e[0m'; fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$normal"; }
run() { local said=${*//"$work/"/}; printf '$ %s\n' "${said//"$top/"/}"; "$@"; }
varve() { "$varve" "$@"; }

export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
export VARVE_REPOSITORY=$work/repository VARVE_PASSWORD_FILE=$work/password
cd "$work"

step "A real tree: a copy of $tree"
cp -a "$tree" data 2>/dev/null || true
printf '%s files, %s\n' "$(find data -type f | wc -l)" "$(du -sh --apparent-size data | cut -f1)"

step "A repository, encrypted under a password, with a recovery key for the safe"
head -c 18 /dev/urandom | base64 >password
run varve init
run varve key export recovery-key

step "The first snapshot"
run varve backup data

step "A day's work: one file edited, one added, a directory renamed, a large file shifted by one byte"
edited=$(find data -type f -size +8k -size -64k -writable | sort | sed -n '$p')
printf 'one more line\n' >>"$edited"
printf 'new today\n' >data/new-file
largest=$(find data -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
{ printf '!'; cat "$largest"; } >data/shifted-copy
renamed=$(find data -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | sed -n 1p)
mv "data/$renamed" "data/renamed-$renamed"
printf 'edited %s\nshifted copy of %s (%s bytes)\nrenamed %s\n' \
  "${edited#data/}" "${largest#data/}" "$(stat -c %s "$largest")" "$renamed"

step "The second snapshot: only what is new is stored"
run varve backup data
run varve snapshots
printf '$ varve diff latest~1 latest | tail -n 12\n'
varve diff latest~1 latest | tail -n 12
run varve stats --mode raw-data
printf 'the repository takes %s for two snapshots of %s\n' \
  "$(du -sh --apparent-size repository | cut -f1)" "$(du -sh --apparent-size data | cut -f1)"

step "Restore, and proof that it is equal: diff, sha256sum, and a walker that is not Varve's"
run varve restore latest:/data --target restored --verify
run diff --recursive --no-dereference data restored && echo "diff finds nothing"
printf '$ sha256sum --check: '
(cd data && find . -type f -print0 | xargs -0 sha256sum) >sums
(cd restored && sha256sum --check --quiet ../sums) && printf '%s files agree\n' "$(wc -l <sums)"
run python3 "$top/fixtures/walker/walk.py" compare data restored --skip-root

step "The older state is still there"
printf '$ varve dump latest~1 /%s\n' "$edited"
varve dump latest~1 "/$edited" >older
printf 'yesterday %s bytes, today %s\n' "$(stat -c %s older)" "$(stat -c %s "$edited")"

step "Every stored byte, checked"
run varve check --read-data

step "The log: every change of state, signed, in a Merkle tree"
run varve log verify
run varve log show

step "One bit flipped in a copy of the repository is found"
cp -a repository damaged
pack=$(find damaged/packs -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
python3 - "$pack" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(1000)
    byte = file.read(1)[0]
    file.seek(1000)
    file.write(bytes([byte ^ 1]))
PYTHON
code=0
run varve check --read-data -r damaged >found 2>&1 || code=$?
sed -n '1,12p' found
printf '… %d lines in all; exit code %d\n' "$(wc -l <found)" "$code"
((code == 20))

printf '\nAll of that took %d seconds.\n' $((SECONDS - started))
