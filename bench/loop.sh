#!/bin/bash
# An expert's loop of curl, jq and git that the program is measured against: the collections, one file a resource, one
# commit. Scripts are fetched by id, since lists leave their code out. It knows no pages that change while they are
# read, no names, no secrets, no authors, no deletions that are none.
#
#   TOKEN=… RATE=300 BURST=300 loop.sh http://api.example target flows=/v1/flows?limit=1000 scripts=/v1/scripts …
set -euo pipefail
base=$1 target=$2
shift 2

aside=$(mktemp -d)
trap 'rm -rf "$aside"' EXIT
printf 'silent\nshow-error\nfail\nno-progress-meter\nheader = "Authorization: Bearer %s"\n' "$TOKEN" >"$aside/curl"

# What changes on its own would be a change in every run.
VOLATILE='del(.lastModified, .lastExecutedAt, .numFlows, .queues, .offline)'

# Records from standard input, keys in order, one file each: one jq a page, and one awk that cuts its output.
write() {
  jq -S "if type == \"array\" then .[] else . end | $VOLATILE" | awk -v folder="$target/$1" '
    { text = text $0 "\n" }
    /^  "_id": / { split($0, words, "\""); file = folder "/" words[4] ".json" }
    /^}/ { printf "%s", text > file; close(file); text = "" }'
}

# All pages of a collection; one is written while the next is fetched.
collection() {
  local type=$1 url=$base$2 page=0
  mkdir "$target/$type" "$aside/$type"
  while [ -n "$url" ]; do
    page=$((page + 1))
    curl -K "$aside/curl" -D "$aside/$type.head" -o "$aside/$type/$page" "$url"
    # An empty collection has no content.
    if [ -s "$aside/$type/$page" ] && [ "$type" != scripts ]; then write "$type" <"$aside/$type/$page" & fi
    url=$(tr -d '\r' <"$aside/$type.head" | sed -n 's/^[Ll]ink:.*<\([^>]*\)>; *rel="next".*/\1/p')
  done
  if [ "$type" = scripts ]; then scripts "$2"; fi
  await $(jobs -p)
}

# One that failed is a failure of the whole.
await() {
  local each
  for each in "$@"; do wait "$each"; done
}

# Each script by its id: as many at once as may be sent at once, the others at the allowed rate.
scripts() {
  mkdir "$aside/code"
  find "$aside/scripts" -type f -size +0 -exec jq -r '.[]._id' {} + >"$aside/ids"
  awk -v url="$base${1%%\?*}" -v folder="$aside/code" \
    '{ printf "url = \"%s/%s\"\noutput = \"%s/%s\"\n", url, $1, folder, $1 }' "$aside/ids" >"$aside/requests"
  head -n $((BURST * 2)) "$aside/requests" >"$aside/burst"
  tail -n +$((BURST * 2 + 1)) "$aside/requests" >"$aside/rest"
  if [ -s "$aside/burst" ]; then curl -K "$aside/curl" -K "$aside/burst" --parallel --parallel-max 6; fi
  if [ -s "$aside/rest" ]; then curl -K "$aside/curl" -K "$aside/rest" --rate "$((RATE * 60))/m"; fi
  find "$aside/code" -type f -exec cat {} + | write scripts
}

mkdir -p "$target"
git init --quiet "$target"
for each in "$@"; do collection "${each%%=*}" "${each#*=}" & done
await $(jobs -p)
cd "$target"
git add -A
# No repacking in the background, which would slow down what is measured next.
git -c gc.auto=0 -c user.name=loop -c user.email=loop@example.test commit --quiet -m "Mirror of $(date -u +%F)"
