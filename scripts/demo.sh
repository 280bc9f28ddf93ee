#!/usr/bin/env bash
# Runs the server with a demo account on http://127.0.0.1:8080 and fills it; Ctrl-C ends it. The data is thrown away.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v curl >/dev/null || { echo "the demo is filled by curl, which is not there; install it" >&2; exit 1; }
program=${CARGO_TARGET_DIR:-target}/release/cordboard
bind=${DEMO_BIND:-127.0.0.1:8080}
key=demo-key-0123456789abcdef
data=$(mktemp -d)
: >"$data/out"
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$data"
}
trap finish EXIT

CORDBOARD_BOOTSTRAP__API_KEY=$key RUST_LOG=${RUST_LOG:-warn} \
    "$program" serve --http-bind "$bind" --data-dir "$data" >"$data/out" &
server=$!
address=
while [ -z "$address" ]; do
    kill -0 "$server" || exit 1
    sleep 0.1
    address=$(sed -n 's/^Listening on //p' "$data/out")
done

post() {
    curl --silent --show-error --fail-with-body --output /dev/null \
        -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$2" "$address/v1/$1"
}
post queues '{"name": "support", "workers": {"in": ["support", {"var": "worker.teams"}]}, "priority_per_minute": 1}'
post queues '{"name": "everyone"}'
post workers '{"name": "ann", "activity": "Available", "attributes": {"teams": ["support"], "languages": ["en", "de"], "skill": 3}}'
post workers '{"name": "bob", "activity": "Available", "attributes": {"teams": ["support"], "languages": ["en"], "skill": 5}}'
post workers '{"name": "cleo", "activity": "Break", "attributes": {"teams": ["support"], "languages": ["fr"], "skill": 4}}'
post workers '{"name": "dev", "activity": "Available", "attributes": {"teams": [], "languages": ["en"], "skill": 1}}'
post workflows '{"name": "support", "document": {
    "rules": [{"name": "gold", "when": {"==": [{"var": "item.tier"}, "gold"]}, "steps": [
        {"set": {"priority": 50}},
        {"route": {"queue": "support", "workers": {"in": [{"var": "item.language"}, {"var": "worker.languages"}]},
                   "order_by": [{"value": {"var": "worker.skill"}, "direction": "desc"}], "timeout_s": 20}},
        {"route": {"queue": "everyone"}}]}],
    "default": [{"route": {"queue": "support",
        "workers": {"in": [{"var": "item.language"}, {"var": "worker.languages"}]}, "timeout_s": 120}},
        {"route": {"queue": "everyone"}}]}}'
for item in '{"tier": "gold", "language": "en"}' '{"tier": "basic", "language": "de"}' '{"language": "fr"}' \
    '{"tier": "gold", "language": "en"}' '{"language": "en"}'; do
    post work-items "{\"workflow\": \"support\", \"attributes\": $item}"
done

cat <<END
Cordboard serves a demo account at $address; its API is explained at $address/docs/

    curl -H 'Authorization: Bearer $key' '$address/v1/work-items?limit=5'
    curl -H 'Authorization: Bearer $key' '$address/v1/reservations?state=offered'
    curl -H 'Authorization: Bearer $key' '$address/v1/statistics/realtime'

Ctrl-C ends it.
END
wait "$server"
