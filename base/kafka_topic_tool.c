/* SPDX-License-Identifier: Apache-2.0 */
/* kafka-topic-tool BROKERS PARTITIONS TOPIC...: makes topics of a test's or the demo's broker (one
 * replica), as soon as the broker answers; those that are there already are fine. With 0 PARTITIONS
 * they are deleted. */
#include "base/str.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 60, ASK_MS = 1000, MAKE_MS = 10000 };

static rd_kafka_t *connect_to(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const struct rd_kafka_metadata *found;
	char why[256];
	rd_kafka_t *rk;

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) ||
	    rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "500", why, sizeof(why)) ||
	    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		exit(2);
	}
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	for (int i = 0; rk && i < TRIES; i++) {
		if (rd_kafka_metadata(rk, 0, NULL, &found, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
			rd_kafka_metadata_destroy(found);
			return rk;
		}
	}
	fprintf(stderr, "%s: no broker answers\n", brokers);
	exit(1);
}

static rd_kafka_resp_err_t make(rd_kafka_t *rk, const char *name, int partitions)
{
	char why[256];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, why, sizeof(why));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__INVALID_ARG;
	rd_kafka_event_t *ev;
	size_t n;

	if (topic) {
		rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
		ev = rd_kafka_queue_poll(queue, MAKE_MS);
		error = ev ? rd_kafka_event_error(ev) : RD_KAFKA_RESP_ERR__TIMED_OUT;
		if (!error) {
			results = rd_kafka_CreateTopics_result_topics(
			    rd_kafka_event_CreateTopics_result(ev), &n);
			error = rd_kafka_topic_result_error(results[0]);
		}
		rd_kafka_event_destroy(ev);
		rd_kafka_NewTopic_destroy(topic);
	}
	rd_kafka_queue_destroy(queue);
	return error;
}

static rd_kafka_resp_err_t take_away(rd_kafka_t *rk, const char *name)
{
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t error;
	rd_kafka_event_t *ev;
	size_t n;

	rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
	ev = rd_kafka_queue_poll(queue, MAKE_MS);
	error = ev ? rd_kafka_event_error(ev) : RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (!error) {
		results =
		    rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(ev), &n);
		error = rd_kafka_topic_result_error(results[0]);
	}
	rd_kafka_event_destroy(ev);
	rd_kafka_DeleteTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
	return error;
}

int main(int argc, char **argv)
{
	uint64_t partitions;
	int failed = 0;
	rd_kafka_t *rk;

	if (argc < 4) {
		fprintf(stderr, "usage: kafka-topic-tool BROKERS PARTITIONS TOPIC...\n");
		return 2;
	}
	if (or_str_u64(&partitions, or_slice_str(argv[2])) || partitions > 1000) {
		fprintf(stderr, "%s: not a number of partitions\n", argv[2]);
		return 2;
	}
	rk = connect_to(argv[1]);
	for (int i = 3; i < argc; i++) {
		rd_kafka_resp_err_t error =
		    partitions ? make(rk, argv[i], (int)partitions) : take_away(rk, argv[i]);

		if (!error || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			continue;
		fprintf(stderr, "%s: %s\n", argv[i], rd_kafka_err2str(error));
		failed = 1;
	}
	rd_kafka_destroy(rk);
	return failed;
}
