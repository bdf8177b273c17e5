/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/kafka_mock.h"

#include "base/mem.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>

enum { BROKER = 1, API_PRODUCE = 0, API_FETCH = 1, FLUSH_MS = 10000 };

struct kafka_mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

struct kafka_mock *kafka_mock_new(void)
{
	struct kafka_mock *m = or_mem_new(sizeof(*m));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	OR_ASSERT(rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why)) == RD_KAFKA_CONF_OK);
	m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	OR_ASSERT(m->rk);
	m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
	OR_ASSERT(m->cluster);
	return m;
}

void kafka_mock_free(struct kafka_mock *m)
{
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->rk);
	or_mem_free(m);
}

const char *kafka_mock_brokers(const struct kafka_mock *m)
{
	return rd_kafka_mock_cluster_bootstraps(m->cluster);
}

void kafka_mock_topic(struct kafka_mock *m, const char *name, int partitions)
{
	OR_ASSERT(rd_kafka_mock_topic_create(m->cluster, name, partitions, 1) == 0);
}

void kafka_mock_set_up(struct kafka_mock *m, bool up)
{
	rd_kafka_resp_err_t error = up ? rd_kafka_mock_broker_set_up(m->cluster, BROKER)
				       : rd_kafka_mock_broker_set_down(m->cluster, BROKER);

	OR_ASSERT(error == RD_KAFKA_RESP_ERR_NO_ERROR);
}

void kafka_mock_fail_produce(struct kafka_mock *m, enum kafka_mock_failure failure, int n)
{
	static const rd_kafka_resp_err_t errors[] = {
	    [KAFKA_MOCK_OUT_OF_ORDER] = RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
	    [KAFKA_MOCK_DENIED] = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
	    [KAFKA_MOCK_TOO_LARGE] = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
	    [KAFKA_MOCK_NOT_LEADER] = RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION};

	for (int i = 0; i < n; i++)
		rd_kafka_mock_push_request_errors(m->cluster, API_PRODUCE, 1, errors[failure]);
}

void kafka_mock_fail_fetch(struct kafka_mock *m, int n)
{
	for (int i = 0; i < n; i++)
		rd_kafka_mock_push_request_errors(
		    m->cluster, API_FETCH, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
}

void kafka_mock_fill(
    struct kafka_mock *m, const char *topic, int partition, const char *prefix, int n)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];
	rd_kafka_t *rk;

	OR_ASSERT(rd_kafka_conf_set(conf, "bootstrap.servers", kafka_mock_brokers(m), text,
		      sizeof(text)) == RD_KAFKA_CONF_OK);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	OR_ASSERT(rk);
	for (int i = 0; i < n; i++) {
		char frame[16];
		rd_kafka_resp_err_t error;

		snprintf(text, sizeof(text), "%s%d", prefix, i);
		snprintf(frame, sizeof(frame), "h%d", i);
		error = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
		    RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		    RD_KAFKA_V_VALUE(text, strlen(text)),
		    RD_KAFKA_V_HEADER("outrider-frame", frame, -1), RD_KAFKA_V_END);
		OR_ASSERT(error == RD_KAFKA_RESP_ERR_NO_ERROR);
	}
	OR_ASSERT(rd_kafka_flush(rk, FLUSH_MS) == RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_destroy(rk);
}

void kafka_mock_commit(
    struct kafka_mock *m, const char *group, const char *topic, int partition, int64_t next)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	char why[256];
	rd_kafka_t *rk;

	OR_ASSERT(rd_kafka_conf_set(conf, "bootstrap.servers", kafka_mock_brokers(m), why,
		      sizeof(why)) == RD_KAFKA_CONF_OK);
	OR_ASSERT(rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why)) == RD_KAFKA_CONF_OK);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	OR_ASSERT(rk);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = next;
	OR_ASSERT(rd_kafka_commit(rk, list, 0) == RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(rk);
}
