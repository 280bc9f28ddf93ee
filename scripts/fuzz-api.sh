#!/usr/bin/env bash
# Fuzzes every route of the API from its OpenAPI document: no answer may be a 5xx or stand outside the document, what
# the document forbids is refused, and nothing is done without a key.
# EXAMPLES is the number of requests made up for each route in each phase; SEED makes up others.
#
# The streams of events are left out: their answers do not end. Their parameters are tested beside them.
#
# Every check is on but one: positive_data_acceptance. What the schema allows may still be refused, and rightly: a
# schema cannot say which names are taken, what a reference must name, or what the state of a resource forbids.
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${EXAMPLES:-40}
seed=${SEED:-7}
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
checks+=,response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method
checks+=,allow_header_conformance,use_after_free,ensure_resource_availability,ignored_auth,object_level_authorization
# Seconds of a run, well above the two minutes that it takes.
seconds_max=600
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
program=$target/debug/cordboard
tools=$target/schemathesis

[ -x "$program" ] || cargo build --quiet --package cordboard
if [ ! -x "$tools/bin/schemathesis" ]; then
    echo "installing schemathesis into $tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check 'schemathesis==4.32.5'
fi

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

key=fuzzing-key-fuzzing-key
CORDBOARD_BOOTSTRAP__API_KEY=$key CORDBOARD_OPERATOR_KEY=$key-of-the-operator \
    CORDBOARD_LIMITS__REQUESTS_PER_SECOND=1000000 CORDBOARD_LIMITS__REQUEST_BURST=1000000 RUST_LOG=warn \
    "$program" serve --http-bind 127.0.0.1:0 --data-dir "$data" >"$data/out" 2>"$data/log" &
server=$!
address=
while [ -z "$address" ]; do
    kill -0 "$server" || { cat "$data/log"; exit 1; }
    sleep 0.1
    address=$(sed -n 's/^Listening on //p' "$data/out")
done

# It writes notes of its own where it stands.
cd "$data"
# What is wrong with a request may show only after its condition or its resource's state has refused it.
cat >schemathesis.toml <<'END'
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "409", "412", "413", "415", "422"]
END
for credential in "$key" "$key-of-the-operator"; do
    # The operator reaches accounts only; an account's key reaches everything else.
    if [ "$credential" = "$key" ]; then routes=(); else routes=(--include-path-regex '^/v1/accounts'); fi
    if ! timeout "$seconds_max" "$tools/bin/schemathesis" run "$address/openapi.json" \
        --header "Authorization: Bearer $credential" \
        --exclude-path-regex '^/v1/events/(stream|socket)$' \
        --checks "$checks" \
        --phases examples,coverage,fuzzing,stateful --max-examples "$examples" --seed "$seed" --workers 1 --no-color \
        --suppress-health-check all --warnings off --continue-on-failure "${routes[@]}" >"$data/report" 2>&1
    then
        tail -n 200 "$data/report"
        tail -n 20 "$data/log"
        exit 1
    fi
    tail -n 5 "$data/report"
done
