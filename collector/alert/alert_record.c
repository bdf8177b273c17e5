/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That an alert fires, or no longer does, is a record of the collector's own. That it is due is
 * stored with the alert; that it was written shows in the log, which is read before any is written
 * after a restart: so there is one of each, whenever the process ends.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/alert/alert_impl.h"
#include "collector/ingest/murmur2.h"
#include "proto/audit.h"

#include <stdio.h>

enum { ARENA = 256 * 1024, ATTRIBUTES_OWN = 3 };

#define LABEL_PREFIX "label."

struct writing {
	struct co_alert *al;
	struct co_state_alert *alert;
	enum co_state_phase phase;
};

static const char *name_of(enum co_state_phase phase)
{
	return phase == CO_STATE_FIRING ? "firing" : "resolved";
}

static void on_written(void *arg, enum or_code rc, uint64_t first, const struct or_err *err)
{
	struct writing *w = arg;

	(void)first;
	w->alert->recording &= ~(1U << w->phase);
	if (rc == OR_OK) {
		w->alert->record &= ~(1U << w->phase);
		w->alert->dirty = true;
	} else if (!w->al->stopped) {
		OR_LOG(OR_LOG_ERROR, "alert.unrecorded", or_log_err(err));
		co_alert_retry(w->al);
	}
	if (rc == OR_OK && !w->al->stopped)
		co_alert_settle(w->al);
	or_mem_free(w);
}

static struct or_slice text_of_time(struct or_arena *a, int64_t ns)
{
	struct or_slice copy;
	struct or_buf b;

	or_buf_init(&b, 64);
	or_str_time(&b, ns);
	copy = or_arena_dup(a, or_buf_slice(&b));
	or_buf_done(&b);
	return copy;
}

static struct or_slice text_of_hex(struct or_arena *a, uint64_t v)
{
	return or_slice_str(or_arena_printf(a, "%016llx", (unsigned long long)v));
}

/* fingerprint, starts_at, ends_at, and each label. */
static void describe(struct wire_audit *r, const struct co_state_alert *alert,
    enum co_state_phase phase, struct or_arena *a)
{
	size_t max = alert->labels.n + ATTRIBUTES_OWN, n = 0;
	struct wire_attribute *at = or_arena_array(a, max, sizeof(*at));

	at[n++] = (struct wire_attribute){
	    .key = OR_SLICE_LIT("fingerprint"), .value = text_of_hex(a, alert->fingerprint)};
	at[n++] = (struct wire_attribute){
	    .key = OR_SLICE_LIT("starts_at"), .value = text_of_time(a, alert->starts_ns)};
	if (phase == CO_STATE_RESOLVED)
		at[n++] = (struct wire_attribute){
		    .key = OR_SLICE_LIT("ends_at"), .value = text_of_time(a, alert->ends_ns)};
	for (size_t i = 0; i < alert->labels.n; i++)
		at[n++] = (struct wire_attribute){
		    .key = or_slice_str(or_arena_printf(
			a, LABEL_PREFIX "%.*s", OR_SLICE_FMT(alert->labels.p[i].name))),
		    .value = alert->labels.p[i].value};
	r->attributes = at;
	r->n_attributes = n;
}

static struct or_slice product_of(const struct co_state_alert *alert)
{
	struct or_slice product = co_label_get(alert->labels, OR_SLICE_LIT("product"));

	return product.n ? product : OR_SLICE_LIT(CO_ALERT_PRODUCT);
}

static void write_record(
    struct co_alert *al, struct co_state_alert *alert, enum co_state_phase phase)
{
	struct or_arena *a = or_arena_new(ARENA);
	struct writing *w = or_mem_new(sizeof(*w));
	struct wire_audit r = {
	    .time_ns = (uint64_t)(phase == CO_STATE_FIRING ? alert->starts_ns : alert->ends_ns),
	    .product = product_of(alert),
	    .kind = WIRE_KIND_ADMIN,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_ALLOW,
	    .principal = {.type = OR_SLICE_LIT("Collector"), .id = OR_SLICE_LIT("alert")},
	    .action = OR_SLICE_LIT(CO_ALERT_ACTION),
	    .resource = {OR_SLICE_LIT("Alert"), alert->rule},
	    .reason = or_slice_str(name_of(phase))};
	struct or_err err;
	enum or_code rc;

	describe(&r, alert, phase, a);
	rc = wire_audit_fit(&r, a);
	*w = (struct writing){al, alert, phase};
	alert->recording |= 1U << phase;
	if (rc)
		or_err_set(&err, rc, "the record of an alert does not fit");
	else
		rc = co_ingest_own(
		    al->shards[co_murmur2_partition(r.product, (uint32_t)al->opt.n_shards)], &r,
		    on_written, w, &err);
	if (rc)
		on_written(w, rc, 0, &err);
	or_arena_free(a);
}

void co_alert_record_due(struct co_alert *al)
{
	struct co_state_alert *a = NULL;

	if (!al->caught_up || al->stopped)
		return; /* it may be in the log already */
	if (!co_ledger_is_settled(al->ledger))
		return; /* that it is due is not stored */
	while ((a = co_state_next(al->state, a))) {
		unsigned int due = a->record & ~a->recording;

		if (a->dirty || !due)
			continue;
		if (due & (1U << CO_STATE_FIRING))
			write_record(al, a, CO_STATE_FIRING);
		if (due & (1U << CO_STATE_RESOLVED))
			write_record(al, a, CO_STATE_RESOLVED);
	}
}

static struct or_slice attribute(const struct wire_audit *r, const char *key)
{
	for (size_t i = 0; i < r->n_attributes; i++) {
		if (or_slice_is(r->attributes[i].key, key))
			return r->attributes[i].value;
	}
	return OR_SLICE_NONE;
}

bool co_alert_record_seen(struct co_alert *al, const struct wire_audit *r)
{
	unsigned int phase = or_slice_is(r->reason, "firing") ? CO_STATE_FIRING : CO_STATE_RESOLVED;
	struct co_state_alert *a = NULL;
	struct or_arena *arena;

	if (r->kind != WIRE_KIND_ADMIN || r->front != WIRE_FRONT_COLLECTOR ||
	    !or_slice_is(r->action, CO_ALERT_ACTION) ||
	    !or_slice_eq(r->agent_id, or_slice(al->own_id, sizeof(al->own_id))))
		return false;
	arena = or_arena_new(0);
	while (!al->caught_up && (a = co_state_next(al->state, a))) {
		if (!(a->record & (1U << phase)) ||
		    !or_slice_eq(attribute(r, "fingerprint"), text_of_hex(arena, a->fingerprint)) ||
		    !or_slice_eq(attribute(r, "starts_at"), text_of_time(arena, a->starts_ns)))
			continue;
		a->record &= ~(1U << phase);
		a->dirty = true;
	}
	or_arena_free(arena);
	return true;
}
