/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue on its loop: takes agents' documents, answers questions, follows the audit logs.
 *
 * Everything that touches the database runs on the slow thread, one call after another.
 * Thread: the loop's. Owns: <state>/catalogue.db. Limits: those of the slow thread's queue
 * (OR_FULL), CO_CATALOGUE_ANSWER_MAX bytes of an answer.
 */
#ifndef COLLECTOR_CATALOGUE_CATALOGUE_H
#define COLLECTOR_CATALOGUE_CATALOGUE_H

#include "collector/catalogue/feed.h"
#include "product/document.h"
#include "proto/openlineage.h"

#define CO_CATALOGUE_ANSWER_MAX (16UL * 1024 * 1024)

struct co_catalogue;

struct co_catalogue_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const char *path; /* of the database */
	struct co_log *const *logs;
	size_t n_logs;
};

/* Blocks: for the start of the process. Errors are those of co_facts_open. */
OR_NODISCARD enum or_code co_catalogue_open(
    struct co_catalogue **out, const struct co_catalogue_opt *opt, struct or_err *err);
/* After or_slow_free, before the logs are closed. */
void co_catalogue_close(struct co_catalogue *c);

/* answer: JSON where rc is OR_OK; both are valid during the call. */
typedef void co_catalogue_fn(
    void *arg, enum or_code rc, struct or_slice answer, const struct or_err *err);
struct co_catalogue_call;

/* A document whose frame was believed. Everything is copied. The answer: {"document","new"}. Errors
 * are those of dp_document_parse and co_entry_put. NULL: the queue is full, fn is not called. */
struct co_catalogue_call *co_catalogue_put(struct co_catalogue *c, struct or_slice document,
    struct or_slice product, struct or_slice agent, int64_t sent_ns, co_catalogue_fn *fn,
    void *arg);

/* As co_search_put and co_dora_put say. NULL: the queue is full, fn is not called. */
struct co_catalogue_call *co_catalogue_search(
    struct co_catalogue *c, struct or_slice query, co_catalogue_fn *fn, void *arg);
struct co_catalogue_call *co_catalogue_dora(
    struct co_catalogue *c, struct or_slice product, co_catalogue_fn *fn, void *arg);

/* A lineage event that is stored, as co_runs_take; also before the loop runs. */
void co_catalogue_event(
    struct co_catalogue *c, struct or_slice product, const struct wire_openlineage *event);

/* fn is not called any more; a document that was taken is stored all the same. */
void co_catalogue_cancel(struct co_catalogue_call *call);

#endif
