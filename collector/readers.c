/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/readers.h"

#include "base/mem.h"

/* ---- audit: a partition is a shard */

static void *submit_shard(void *self, uint32_t shard, const struct co_ingest_request *request,
    co_ingest_fn *fn, void *arg)
{
	return co_ingest_submit(((struct co_readers *)self)->shards[shard], request, fn, arg);
}

static void cancel_shard(void *call)
{
	co_ingest_cancel(call);
}

static uint64_t next_of_shard(void *self, struct or_slice name, uint32_t partition)
{
	return co_ingest_next(((struct co_readers *)self)->shards[partition], name, partition);
}

/* ---- telemetry: one depot a topic */

static void *submit_topic(void *self, uint32_t shard, const struct co_ingest_request *request,
    co_ingest_fn *fn, void *arg)
{
	(void)shard;
	return co_telemetry_submit(self, request, fn, arg);
}

static void cancel_topic(void *call)
{
	co_telemetry_cancel(call);
}

static uint64_t next_of_topic(void *self, struct or_slice name, uint32_t partition)
{
	return co_telemetry_next(self, name, partition);
}

/* ---- all of them */

enum or_code co_readers_open(
    struct co_readers *out, const struct co_readers_opt *opt, struct or_err *err)
{
	struct co_kafka_opt kafka = {.loop = opt->loop,
	    .access = opt->access,
	    .group = opt->group,
	    .sink = {.topic = CO_KAFKA_TOPIC,
		.n_shards = opt->n_shards,
		.self = out,
		.submit = submit_shard,
		.cancel = cancel_shard,
		.next = next_of_shard},
	    .on_agent = opt->on_agent,
	    .arg = opt->arg};
	enum or_code rc;

	*out =
	    (struct co_readers){.shards = or_mem_array(opt->n_shards, sizeof(struct co_ingest *))};
	for (uint32_t i = 0; i < opt->n_shards; i++)
		out->shards[i] = opt->shards[i];
	rc = co_kafka_open(&out->list[0], &kafka, err);
	for (size_t i = 0; i < CO_TOPICS_N && rc == OR_OK; i++) {
		kafka.sink = (struct co_kafka_sink){.topic = co_telemetry_topic(opt->topics[i]),
		    .is_bare = true,
		    .self = opt->topics[i],
		    .submit = submit_topic,
		    .cancel = cancel_topic,
		    .next = next_of_topic};
		rc = co_kafka_open(&out->list[1 + i], &kafka, err);
	}
	return rc;
}

void co_readers_close(struct co_readers *r)
{
	for (size_t i = 0; i < CO_READERS_N; i++)
		co_kafka_stop(
		    r->list[i]); /* what each waits for at its end, they wait for together */
	for (size_t i = 0; i < CO_READERS_N; i++)
		co_kafka_close(r->list[i]);
	or_mem_free(r->shards);
	*r = (struct co_readers){0};
}
