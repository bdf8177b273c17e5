#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job on a small real data product: a request is decided by policy, recorded, shipped,
# logged, and answered by query and proof. Runs everything for real, in a directory of its own, ends
# by itself and leaves nothing running. `./dev demo` builds first and calls it. With --kafka the
# records travel over a real Kafka.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PATH=${OUTRIDER_BIN:-build/release/bin}:$PATH
command -v outrider >/dev/null || { echo "build first: ./dev build" >&2; exit 3; }

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    COLOUR=1 BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' CYAN=$'\e[36m' PLAIN=$'\e[0m'
else
    COLOUR='' BOLD='' DIM='' GREEN='' RED='' CYAN='' PLAIN=''
fi

KAFKA=''
case ${1:-} in
'') ;;
--kafka) KAFKA=yes ;;
*) echo "usage: examples/demo.sh [--kafka]" >&2; exit 2 ;;
esac

WORK=$(mktemp -d "${TMPDIR:-/tmp}/outrider-demo-XXXXXX")
export OUTRIDER_HOME=$WORK/state
RUN_PID='' PAGER_PID=''
step=0

stop_run() {
    [[ -n $RUN_PID ]] || return 0
    kill -TERM "$RUN_PID" 2>/dev/null || true
    wait "$RUN_PID" 2>/dev/null || true
    RUN_PID=''
}

clean_up() {
    local status=$?
    stop_run
    outrider down >/dev/null 2>&1 || true
    [[ -z $PAGER_PID ]] || kill "$PAGER_PID" 2>/dev/null || true
    [[ -z $KAFKA ]] || tools/kafka.sh stop "$WORK/kafka"
    if ((status)); then
        echo "${RED}the demo failed (exit $status); logs:$PLAIN" >&2
        tail -n 20 "$WORK"/run.log "$WORK"/state/agents/*/agent.log \
            "$WORK"/state/collector/collector.log >&2 2>/dev/null || true
    fi
    rm -rf "$WORK"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say() { # TEXT: what happens next, in plain words
    step=$((step + 1))
    printf '\n%s%d. %s%s\n' "$BOLD" "$step" "$1" "$PLAIN"
}

show() { # COMMAND…: shown as a person would type it, then run
    local shown=$*
    printf '%s   $ %s%s\n' "$CYAN" "${shown//$WORK/\$DEMO}" "$PLAIN"
    # What is shown goes through a pipe first.
    CLICOLOR_FORCE=$COLOUR "$@" | sed 's/^/   /' || return "${PIPESTATUS[0]}"
}

show_failing() { # EXIT COMMAND…: must end with that code
    local want=$1 got=0
    shift
    show "$@" || got=$?
    [[ $got == "$want" ]] || { echo "expected exit $want, got $got" >&2; exit 1; }
}

await() { # TENTHS COMMAND…: until it succeeds, for at most so long
    local left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        ((left-- > 0)) || return 0 # what is shown next tells what is missing
        sleep 0.1
    done
}

# request NAME WANTED-STATUS TOKEN PATH: one request through the gate
request() {
    local status body colour=$GREEN
    printf '%s   $ curl -H "Authorization: Bearer $%s" http://%s%s%s\n' "$CYAN" "${1^^}" "$GATE" \
        "$4" "$PLAIN"
    body=$WORK/answer
    status=$(curl -sS -o "$body" -w '%{http_code}' -H "Authorization: Bearer $3" \
        "http://$GATE$4")
    [[ $status == 2* ]] || colour=$RED
    printf '   %s%s%s  %s\n' "$colour" "$status" "$PLAIN" "$(head -c 110 "$body" | tr '\n' ' ')"
    [[ $status == "$2" ]] || { echo "expected $2 for $1" >&2; exit 1; }
}

printf '%sOutrider: who read which data, decided by policy, proven by a log%s\n' "$BOLD" "$PLAIN"
printf '%sThe data product is examples/orders; everything below is in %s%s\n' "$DIM" "$WORK" "$PLAIN"

if [[ $KAFKA ]]; then
    say "A Kafka of one node starts on this machine, with topics for records and for telemetry."
    show tools/kafka.sh start "$WORK/kafka"
    export OUTRIDER_KAFKA_BROKERS=$(<"$WORK/kafka/brokers")
    show kafka-topic-tool "$OUTRIDER_KAFKA_BROKERS" 1 outrider.audit \
        otlp_logs otlp_metrics otlp_spans openlineage
    say "A collector starts; it and the agents meet at the brokers that the environment names."
    printf '%s   $ export OUTRIDER_KAFKA_BROKERS=%s%s\n' "$CYAN" "$OUTRIDER_KAFKA_BROKERS" "$PLAIN"
else
    say "A collector starts on this machine: no broker, no database server."
fi
echo "   Its rules tell a pager of five denied reads by one person within a minute; the rule of this demo
   ends after 4 quiet seconds instead of a minute, so that you see the end as well."
examples/pager.py 0 >"$WORK/pager.log" &
PAGER_PID=$!
await 600 grep -q 'waits for notices' "$WORK/pager.log"
pager=$(sed -n 's/^waits for notices on //p' "$WORK/pager.log")
sed "s|http://127.0.0.1:9095/alerts|$pager|; s|^\( *\)window: 1m|&\n\1resolve_after: 4s|; s|group_interval: 5s|group_interval: 1s|" \
    examples/orders/alerts.yaml >"$WORK/alerts.yaml"
show outrider up --listen 127.0.0.1:0 --alerts "$WORK/alerts.yaml"

say "The organisation's identity provider, in small: an issuer with a signing key and its JWKS."
show outrider token issuer new --dir "$WORK/issuer" --issuer https://issuer.example

say "The domain team's policies become one signed bundle. The key that signs stays offline."
show outrider key new --out "$WORK/bundle.key"
show outrider policy build --product examples/orders/dataproduct.yaml --key "$WORK/bundle.key" \
    --revision 1 --out "$WORK/orders.bundle"

say "The product runs with its agent beside it; its output ports are guarded by the gate."
printf '%s   $ outrider run --product examples/orders/dataproduct.yaml --bundle … -- python3 examples/orders/serve.py%s\n' \
    "$CYAN" "$PLAIN"
: >"$WORK/run.log" # there before the first look at it
outrider run --product examples/orders/dataproduct.yaml --bundle "$WORK/orders.bundle" \
    --trust "$WORK/bundle.key.pub" --issuer "https://issuer.example=$WORK/issuer/jwks.json" \
    --listen 127.0.0.1:0 -- python3 examples/orders/serve.py >"$WORK/run.log" 2>&1 &
RUN_PID=$!
GATE='' UPSTREAM=''
for _ in $(seq 300); do
    GATE=$(sed -n 's/.*is guarded at http:\/\/\([^ ]*\).*/\1/p' "$WORK/run.log")
    UPSTREAM=$(sed -n 's/.* on port \([0-9]*\),.*/\1/p' "$WORK/run.log")
    [[ -n $GATE ]] && curl -sf -o /dev/null "http://127.0.0.1:$UPSTREAM/health" && break
    kill -0 "$RUN_PID" 2>/dev/null || { cat "$WORK/run.log" >&2; exit 1; }
    sleep 0.1
done
sed 's/^/   /' "$WORK/run.log"

say "Three people ask for orders, which are confidential; each has a token that the issuer signed."
mint() { outrider token mint --dir "$WORK/issuer" --aud orders --groups analysts "$@"; }
ALICE=$(mint --sub alice --claim clearance=2 --claim domain=marketing)
BOB=$(mint --sub bob --claim clearance=1 --claim domain=marketing)
CAROL=$(mint --sub carol --claim clearance=2 --expired)
echo "   Alice, an analyst of another domain, is cleared for it:"
request alice 200 "$ALICE" "/orders?country=NL&limit=1"
echo "   Bob is not:"
request bob 403 "$BOB" /orders
echo "   Carol's token has expired:"
request carol 401 "$CAROL" /orders
echo "   Figures without customers are internal; Bob may read them:"
request bob 200 "$BOB" "/totals?limit=1"

say "Each decision is in the audit trail: for confidential data it was on disk before the request
   went on (strict), else it was recorded with the answer (async)."
# What was recorded before the answers is shipped within a moment.
all_shipped() { grep -q ', 0 records wait' <<<"$(outrider doctor)"; }
await 600 all_shipped
# Over Kafka the collector is a moment behind that; a stream keeps its order.
await 600 outrider audit 'port=totals'
await 600 outrider audit 'reason=token_expired'
show outrider audit 'product=orders kind=access | count by port, phase, decision'
show outrider audit 'decision=deny since=1h'

say "Why was Bob denied? The record names the policies, and what they saw."
ID=$(outrider audit --json 'decision=deny since=1h principal.id=*#bob' | sed -n '1s/.*"id":"\([0-9a-f]*\)".*/\1/p')
show outrider why "$ID"

say "What did the workload itself do? The kernel was watched where it permits that (eBPF), for the
   workload's own cgroup and nothing else; libraries are left out, repeats are counted."
view=$(outrider doctor | grep "kernel's view") || true
echo "   $view"
if [[ $view == *"process starts yes"*"files yes"* ]]; then
    await 600 outrider audit 'front=kernel kind=process'
    await 600 outrider audit 'front=kernel kind=file resource.id=*/orders.json'
    show outrider audit 'front=kernel kind=process | count by action, resource.id | top 4'
    show outrider audit 'front=kernel kind=file resource.id=*/examples/orders/*'
    echo "   Did it connect to anything?"
    show outrider audit 'front=kernel kind=network' || [[ $? == 1 ]]
else
    echo "   That is the tier, and why; it is a record as well:"
    show outrider audit 'action=observe'
fi

say "The whole trail is proven: every hash again, every signature, every agent's numbering."
show outrider verify
show outrider verify "$ID"

say "What the workload wrote is kept as logs, beside the audit trail; libraries send theirs over OTLP."
await 600 outrider logs 'product=orders "/orders"'
show outrider logs 'product=orders iostream=stdout "/orders" limit=3'
OTEL_EXPORTER_OTLP_ENDPOINT=$(jq -r .intake "$OUTRIDER_HOME/agents/orders/endpoint")
metric='{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"orders.rows","unit":"{row}",
    "gauge":{"dataPoints":[{"timeUnixNano":"'$(date +%s%N)'","asInt":"48"}]}}]}]}]}'
printf '%s   $ curl $OTEL_EXPORTER_OTLP_ENDPOINT/v1/metrics --json …%s\n' "$CYAN" "$PLAIN"
curl -sS -o /dev/null --json "$metric" "$OTEL_EXPORTER_OTLP_ENDPOINT/v1/metrics"
await 600 outrider metrics 'name=orders.rows'
show outrider metrics 'product=orders name=orders.rows'

say "The job that refreshes the data set reports where its data comes from, as OpenLineage events."
# `outrider run` puts both into its workload's environment.
export OPENLINEAGE_URL=$OTEL_EXPORTER_OTLP_ENDPOINT
show python3 examples/orders/refresh.py examples/orders/data/checkouts.csv "$WORK/orders.json"
run_is_complete() { grep -q COMPLETE <<<"$(outrider lineage orders)"; }
await 600 run_is_complete
show outrider lineage orders

say "Bob does not give up: five more denied reads within a minute are more than an accident."
for _ in 1 2 3 4 5; do
    curl -sS -o /dev/null -H "Authorization: Bearer $BOB" "http://$GATE/orders"
done
await 600 grep -q FIRING "$WORK/pager.log"
show_failing 1 outrider alerts
echo "   The pager has been told:"
tail -n +2 "$WORK/pager.log" | sed 's/^/   /'

say "What is there to find, who reads it, and how fast was it delivered?"
# The run that was just reported is counted within a moment.
run_is_counted() { ! grep -q 'no run of this product' <<<"$(outrider dora orders)"; }
await 600 run_is_counted
show outrider products orders
show outrider dora orders

say "How does it run? outrider top shows it live; here it measures once."
for _ in $(seq 40); do
    curl -sS -o /dev/null -H "Authorization: Bearer $ALICE" "http://$GATE/totals" || break
done &
show outrider top
wait $!

say "Bob has been quiet; the alert ends, and both are records like any other."
await 600 grep -q RESOLVED "$WORK/pager.log"
tail -n +2 "$WORK/pager.log" | sed 's/^/   /'
await 600 outrider audit 'action=alert reason=resolved'
show outrider audit 'action=alert'

say "What is wrong here, if anything?"
show outrider doctor

say "Somebody changes one byte of the stored log, to hide Bob's attempt…"
stop_run
outrider down >/dev/null
cp -r "$OUTRIDER_HOME/collector" "$WORK/tampered"
python3 - "$WORK/tampered" <<'PYTHON'
import pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*")):
    data = bytearray(path.read_bytes()) if path.is_file() else b""
    at = data.find(b"#bob")
    if at >= 0 and "shards" in str(path):
        data[at + 1:at + 4] = b"eve"
        path.write_bytes(data)
        print(f"   {path.name}, byte {at + 1}: bob became eve")
        break
else:
    sys.exit("no record of bob in the log")
PYTHON
show_failing 1 outrider verify --dir "$WORK/tampered"

printf '\n%sThat was the whole job, in %d s. Try next:%s outrider run --help, or read examples/orders/README.md\n' \
    "$BOLD" "$SECONDS" "$PLAIN"
