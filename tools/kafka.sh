#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Apache Kafka of one node (KRaft) for tests and the demo, on loopback and free ports.
#
#   tools/kafka.sh fetch        downloads it once, into ${XDG_CACHE_HOME:-~/.cache}/outrider
#   tools/kafka.sh start DIR    starts the node of DIR, made where it is new; writes DIR/pid,
#                               DIR/brokers (plaintext) and DIR/brokers.sasl (SASL_SSL, SCRAM)
#   tools/kafka.sh stop DIR     stops it; what it holds stays in DIR
#   tools/kafka.sh allow DIR USER OPERATION TOPIC...   gives that user a right (an ACL)
#
# Without a password everything is allowed. Over SASL_SSL, with DIR/ca.pem: the user "agent" may do
# everything, "stranger" nothing; the passwords are in DIR/agent.password, DIR/stranger.password.
set -euo pipefail

VERSION=3.9.1
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/outrider/kafka-$VERSION

die() {
    echo "kafka.sh: $*" >&2
    exit 1
}

fetch() {
    local work
    [[ -d $CACHE/lib ]] && return
    command -v mvn >/dev/null || die "maven is missing: apt-get install maven"
    mkdir -p "$CACHE"
    exec 8>"$CACHE/lock"
    flock 8
    [[ -d $CACHE/lib ]] && return
    echo "downloading Apache Kafka $VERSION (46 MB) into $CACHE" >&2
    work=$(mktemp -d "$CACHE/fetch-XXXXXX")
    cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>outrider</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>$VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId>
      <version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
    mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$work/lib" -DincludeScope=runtime >&2 ||
        die "Apache Kafka could not be downloaded"
    mv "$work/lib" "$CACHE/lib"
    rm -rf "$work"
}

kafka_java() {
    java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dlog4j.configuration="file:$DIR/log4j.properties" -cp "$CACHE/lib/*" "$@"
}

free_ports() { # N
    python3 "$(dirname "${BASH_SOURCE[0]}")/../tests/support/ports.py" "$1"
}

make_certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=kafka \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$DIR/key.pem" \
        -out "$DIR/ca.pem" 2>/dev/null
    cat "$DIR/key.pem" "$DIR/ca.pem" >"$DIR/broker.pem"
}

make_node() {
    local plain sasl controller user
    local -a users=()
    read -r plain sasl controller < <(free_ports 3)
    make_certificate
    for user in agent stranger; do
        openssl rand -hex 16 >"$DIR/$user.password"
        users+=(--add-scram "SCRAM-SHA-512=[name=$user,password=$(<"$DIR/$user.password")]")
    done
    cat >"$DIR/log4j.properties" <<LOG
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n
LOG
    # The last ones make a restart after kill -9 quick.
    cat >"$DIR/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$plain,SASL_SSL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$plain,SASL_SSL://localhost:$sasl
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$DIR/data
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$DIR/broker.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:agent
allow.everyone.if.no.acl.found=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
auto.create.topics.enable=false
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
controller.quorum.election.timeout.ms=200
controller.quorum.fetch.timeout.ms=400
controller.quorum.election.backoff.max.ms=100
PROPERTIES
    kafka_java kafka.tools.StorageTool format -t "$(kafka_java kafka.tools.StorageTool random-uuid)" \
        -c "$DIR/server.properties" "${users[@]}" >"$DIR/format.log" 2>&1 ||
        die "the node could not be made: $(tail -3 "$DIR/format.log")"
    echo "127.0.0.1:$plain" >"$DIR/brokers"
    echo "localhost:$sasl" >"$DIR/brokers.sasl"
}

is_up() {
    (exec 3<>"/dev/tcp/127.0.0.1/$(cut -d: -f2 "$DIR/brokers")") 2>/dev/null
}

start() {
    local try
    fetch
    mkdir -p "$DIR"
    DIR=$(cd "$DIR" && pwd)
    [[ -e $DIR/brokers ]] || make_node
    setsid java -Xms96m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dlog4j.configuration="file:$DIR/log4j.properties" -cp "$CACHE/lib/*" \
        kafka.Kafka "$DIR/server.properties" </dev/null >>"$DIR/kafka.log" 2>&1 &
    echo $! >"$DIR/pid"
    for try in $(seq 600); do
        is_up && return
        kill -0 "$(<"$DIR/pid")" 2>/dev/null || break
        sleep 0.1
    done
    die "Kafka did not start: $(tail -5 "$DIR/kafka.log")"
}

stop() {
    local pid try
    [[ -e $DIR/pid ]] || return 0
    pid=$(<"$DIR/pid")
    rm -f "$DIR/pid"
    kill -TERM "$pid" 2>/dev/null || return 0
    for try in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

allow() { # USER OPERATION TOPIC...
    local user=$1 operation=$2 topic
    local -a topics=()
    for topic in "${@:3}"; do
        topics+=(--topic "$topic")
    done
    kafka_java kafka.admin.AclCommand --bootstrap-server "$(<"$DIR/brokers")" --add \
        --allow-principal "User:$user" --operation "$operation" "${topics[@]}" >"$DIR/acl.log" 2>&1 ||
        die "the right could not be given: $(tail -3 "$DIR/acl.log")"
}

DIR=${2:-}
case ${1:-}:$# in
fetch:1 | start:2 | stop:2) "$1" ;;
allow:[5-9]) allow "${@:3}" ;;
*) die "usage: tools/kafka.sh fetch | start DIR | stop DIR | allow DIR USER OPERATION TOPIC..." ;;
esac
