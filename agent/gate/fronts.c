/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/fronts.h"

#include "agent/gate/authz/check.h"
#include "agent/gate/postgres/postgres.h"
#include "agent/gate/proxy/proxy.h"
#include "agent/gate/service/service.h"
#include "base/mem.h"

static const struct ag_front *const all[] = {
    &ag_proxy_front, &ag_service_front, &ag_check_front, &ag_postgres_front};

struct ag_fronts {
	void *open[OR_LEN(all)];
	size_t draining; /* fronts that have not ended yet */
	or_loop_fn *done;
	void *done_arg;
};

enum or_code ag_fronts_open(
    struct ag_fronts **out, const struct ag_front_env *env, struct or_err *err)
{
	struct ag_fronts *fronts = or_mem_new(sizeof(*fronts));

	for (size_t i = 0; i < OR_LEN(all); i++) {
		enum or_code rc = all[i]->open(&fronts->open[i], env, err);

		if (rc) {
			ag_fronts_close(fronts);
			return rc;
		}
	}
	*out = fronts;
	return OR_OK;
}

void ag_fronts_close(struct ag_fronts *fronts)
{
	if (!fronts)
		return;
	for (size_t i = 0; i < OR_LEN(all); i++) {
		if (fronts->open[i])
			all[i]->close(fronts->open[i]);
	}
	or_mem_free(fronts);
}

static void on_drained(void *arg)
{
	struct ag_fronts *fronts = arg;

	if (--fronts->draining == 0)
		fronts->done(fronts->done_arg);
}

void ag_fronts_drain(struct ag_fronts *fronts, or_loop_fn *done, void *arg)
{
	/* A second signal only asks again for what is under way. */
	if (fronts->draining)
		return;
	fronts->done = done;
	fronts->done_arg = arg;
	for (size_t i = 0; i < OR_LEN(all); i++)
		fronts->draining += fronts->open[i] != NULL;
	for (size_t i = 0; i < OR_LEN(all); i++) {
		if (fronts->open[i])
			all[i]->drain(fronts->open[i], on_drained, fronts);
	}
}

void ag_fronts_put(struct or_jsonw *w, const struct ag_fronts *fronts)
{
	for (size_t i = 0; i < OR_LEN(all); i++) {
		if (fronts->open[i])
			or_jsonw_kv_text(w, all[i]->name, all[i]->address(fronts->open[i]));
	}
}

const char *ag_fronts_address(const struct ag_fronts *fronts, const char *name)
{
	for (size_t i = 0; i < OR_LEN(all); i++) {
		if (fronts->open[i] && strcmp(all[i]->name, name) == 0)
			return all[i]->address(fronts->open[i]);
	}
	return NULL;
}
