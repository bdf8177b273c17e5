/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/lineage/lineage.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

enum { PRODUCTS_MAX = 100000 };

struct node;

struct edge {
	struct node *to;
	int64_t time_ns;
	bool declared, observed; /* by whom it was said */
};

struct product {
	char *id;
	struct node **nodes; /* that it reported */
	size_t n;
};

struct node {
	bool is_job;
	char *namespace, *name, *key;
	struct edge *out;
	size_t n_out;
	struct node **in;
	size_t n_in;
	const struct product *products[CO_LINEAGE_PRODUCTS_MAX];
	size_t n_products;
	int64_t time_ns; /* the last event that named it */
	/* of a job */
	int64_t state_ns;
	char state[16]; /* the last event's type */
	char *run_id, *version;
	uint64_t starts, completes, fails;
	uint64_t visit; /* the walk that was here last */
};

struct co_lineage {
	struct or_map nodes; /* by key */
	struct or_map products;
	size_t edges;
	uint64_t events, dropped;
	uint64_t visit;
};

struct co_lineage *co_lineage_new(size_t max_nodes)
{
	struct co_lineage *l = or_mem_new(sizeof(*l));

	or_map_init(&l->nodes, max_nodes);
	or_map_init(&l->products, PRODUCTS_MAX);
	return l;
}

static void free_node(struct node *n)
{
	or_mem_free(n->namespace);
	or_mem_free(n->name);
	or_mem_free(n->key);
	or_mem_free(n->out);
	or_mem_free(n->in);
	or_mem_free(n->run_id);
	or_mem_free(n->version);
	or_mem_free(n);
}

void co_lineage_free(struct co_lineage *l)
{
	struct or_map_entry *e;
	size_t at = 0;

	if (!l)
		return;
	while ((e = or_map_next(&l->nodes, &at)))
		free_node(e->value);
	at = 0;
	while ((e = or_map_next(&l->products, &at))) {
		struct product *p = e->value;

		or_mem_free(p->nodes);
		or_mem_free(p->id);
		or_mem_free(p);
	}
	or_map_done(&l->nodes);
	or_map_done(&l->products);
	or_mem_free(l);
}

/* A namespace may hold colons, so its length tells two nodes apart that share an id's text. */
static void put_key(struct or_buf *b, bool is_job, const struct wire_openlineage_name *name)
{
	or_buf_printf(b, "%s%zu:", is_job ? "j" : "d", name->namespace.n);
	or_buf_put_slice(b, name->namespace);
	or_buf_put_slice(b, name->name);
}

static struct node *get_node(
    struct co_lineage *l, bool is_job, const struct wire_openlineage_name *name, int64_t time_ns)
{
	struct or_buf key;
	struct node *n;

	or_buf_init(&key, name->namespace.n + name->name.n + 32);
	put_key(&key, is_job, name);
	n = or_map_find(&l->nodes, or_buf_slice(&key));
	if (!n) {
		n = or_mem_new(sizeof(*n));
		n->is_job = is_job;
		n->key = or_mem_dup(or_buf_slice(&key));
		n->namespace = or_mem_dup(name->namespace);
		n->name = or_mem_dup(name->name);
		if (or_map_put(&l->nodes, or_slice(n->key, key.n), n)) {
			free_node(n);
			n = NULL;
		}
	}
	or_buf_done(&key);
	if (n && time_ns > n->time_ns)
		n->time_ns = time_ns;
	return n;
}

static struct product *get_product(struct co_lineage *l, struct or_slice id)
{
	struct product *p = or_map_find(&l->products, id);

	if (p)
		return p;
	p = or_mem_new(sizeof(*p));
	p->id = or_mem_dup(id);
	if (or_map_put(&l->products, or_slice(p->id, id.n), p)) {
		or_mem_free(p->id);
		or_mem_free(p);
		return NULL;
	}
	return p;
}

/* Grows by doubling: n is a count that a power of two bounds. */
static void *grown(void *list, size_t n, size_t size)
{
	return n & (n - 1) ? list : or_mem_resize(list, (n ? 2 * n : 1) * size);
}

static void claim(struct product *p, struct node *n)
{
	for (size_t i = 0; i < n->n_products; i++) {
		if (n->products[i] == p)
			return;
	}
	if (n->n_products == CO_LINEAGE_PRODUCTS_MAX)
		return;
	n->products[n->n_products++] = p;
	p->nodes = grown(p->nodes, p->n, sizeof(struct node *));
	p->nodes[p->n++] = n;
}

static void mark(struct edge *e, int64_t time_ns, bool observed)
{
	if (time_ns > e->time_ns)
		e->time_ns = time_ns;
	e->observed |= observed;
	e->declared |= !observed;
}

static void connect(
    struct co_lineage *l, struct node *from, struct node *to, int64_t time_ns, bool observed)
{
	for (size_t i = 0; i < from->n_out; i++) {
		if (from->out[i].to == to) {
			mark(&from->out[i], time_ns, observed);
			return;
		}
	}
	if (from->n_out >= CO_LINEAGE_EDGES_MAX || to->n_in >= CO_LINEAGE_EDGES_MAX)
		return;
	from->out = grown(from->out, from->n_out, sizeof(*from->out));
	from->out[from->n_out] = (struct edge){.to = to, .time_ns = time_ns};
	mark(&from->out[from->n_out++], time_ns, observed);
	to->in = grown(to->in, to->n_in, sizeof(struct node *));
	to->in[to->n_in++] = from;
	l->edges++;
}

static void set_text(char **to, struct or_slice text)
{
	if (!text.n)
		return;
	or_mem_free(*to);
	*to = or_mem_dup(text);
}

static void note_state(struct node *job, const struct wire_openlineage *e)
{
	job->starts += or_slice_is(e->event_type, "START");
	job->completes += or_slice_is(e->event_type, "COMPLETE");
	job->fails += or_slice_is(e->event_type, "FAIL") || or_slice_is(e->event_type, "ABORT");
	if (e->time_ns < job->state_ns || e->event_type.n >= sizeof(job->state))
		return;
	job->state_ns = e->time_ns;
	memcpy(job->state, e->event_type.p, e->event_type.n);
	job->state[e->event_type.n] = 0;
	set_text(&job->run_id, e->run_id);
	set_text(&job->version, e->version);
}

static void add_datasets(struct co_lineage *l, struct product *p, struct node *job,
    const struct wire_openlineage *event, bool is_input)
{
	const struct wire_openlineage_name *names = is_input ? event->inputs : event->outputs;
	size_t n = is_input ? event->n_inputs : event->n_outputs;
	bool observed = or_slice_is(event->producer, WIRE_OPENLINEAGE_OBSERVER);
	int64_t time_ns = event->time_ns;

	for (size_t i = 0; i < n; i++) {
		struct node *dataset = get_node(l, false, &names[i], time_ns);

		if (!dataset) {
			l->dropped++;
			return;
		}
		claim(p, dataset);
		if (job && is_input)
			connect(l, dataset, job, time_ns, observed);
		else if (job)
			connect(l, job, dataset, time_ns, observed);
	}
}

void co_lineage_add(
    struct co_lineage *l, struct or_slice product, const struct wire_openlineage *event)
{
	struct product *p = get_product(l, product);
	struct node *job = NULL;

	l->events++;
	if (p && event->kind != WIRE_OPENLINEAGE_DATASET) {
		job = get_node(l, true, &event->job, event->time_ns);
		if (job) {
			claim(p, job);
			if (event->kind == WIRE_OPENLINEAGE_RUN)
				note_state(job, event);
		}
	}
	if (!p || (!job && event->kind != WIRE_OPENLINEAGE_DATASET)) {
		l->dropped++;
		return;
	}
	add_datasets(l, p, job, event, true);
	add_datasets(l, p, job, event, false);
}

/* ---- the answer */

struct walk {
	struct node **nodes; /* found, in the order they were */
	size_t n;
};

static void visit(struct co_lineage *l, struct walk *k, struct node *n)
{
	if (n->visit == l->visit)
		return;
	n->visit = l->visit;
	k->nodes = grown(k->nodes, k->n, sizeof(struct node *));
	k->nodes[k->n++] = n;
}

static void put_id(struct or_jsonw *w, const char *key, const struct node *n)
{
	struct or_buf id;

	or_buf_init(&id, strlen(n->namespace) + strlen(n->name) + 16);
	or_buf_printf(&id, "%s:%s:%s", n->is_job ? "job" : "dataset", n->namespace, n->name);
	or_jsonw_kv_str(w, key, or_buf_slice(&id));
	or_buf_done(&id);
}

static void put_time(struct or_jsonw *w, const char *key, int64_t ns)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	or_str_time(&text, ns);
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_job(struct or_jsonw *w, const struct node *n)
{
	or_jsonw_kv_u64(w, "starts", n->starts);
	or_jsonw_kv_u64(w, "completes", n->completes);
	or_jsonw_kv_u64(w, "fails", n->fails);
	if (!n->state[0])
		return;
	or_jsonw_key(w, "last");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "eventType", n->state);
	put_time(w, "eventTime", n->state_ns);
	if (n->run_id)
		or_jsonw_kv_text(w, "runId", n->run_id);
	if (n->version)
		or_jsonw_kv_text(w, "version", n->version);
	or_jsonw_end(w);
}

static void put_node(struct or_jsonw *w, const struct node *n)
{
	or_jsonw_object(w);
	put_id(w, "id", n);
	or_jsonw_kv_text(w, "type", n->is_job ? "JOB" : "DATASET");
	or_jsonw_kv_text(w, "namespace", n->namespace);
	or_jsonw_kv_text(w, "name", n->name);
	put_time(w, "time", n->time_ns);
	or_jsonw_key(w, "products");
	or_jsonw_array(w);
	for (size_t i = 0; i < n->n_products; i++)
		or_jsonw_text(w, n->products[i]->id);
	or_jsonw_end(w);
	if (n->is_job)
		put_job(w, n);
	or_jsonw_end(w);
}

static void put_edges(struct or_jsonw *w, const struct node *n)
{
	for (size_t i = 0; i < n->n_out; i++) {
		or_jsonw_object(w);
		put_id(w, "from", n);
		put_id(w, "to", n->out[i].to);
		put_time(w, "time", n->out[i].time_ns);
		or_jsonw_kv_bool(w, "declared", n->out[i].declared);
		or_jsonw_kv_bool(w, "observed", n->out[i].observed);
		or_jsonw_end(w);
	}
}

static bool is_of(const struct node *n, const struct product *p)
{
	for (size_t i = 0; i < n->n_products; i++)
		if (n->products[i] == p)
			return true;
	return false;
}

/* Whether some job of the product says that it reads the data set. */
static bool is_declared_input(const struct node *dataset, const struct product *p)
{
	for (size_t i = 0; i < dataset->n_out; i++)
		if (dataset->out[i].declared && is_of(dataset->out[i].to, p))
			return true;
	return false;
}

/* Or writes it. */
static bool is_declared_output(const struct node *dataset, const struct product *p)
{
	for (size_t i = 0; i < dataset->n_in; i++) {
		const struct node *job = dataset->in[i];

		for (size_t k = 0; k < job->n_out && is_of(job, p); k++)
			if (job->out[k].to == dataset && job->out[k].declared)
				return true;
	}
	return false;
}

static void put_finding(struct or_jsonw *w, const char *kind, const struct node *dataset,
    const struct node *job, int64_t time_ns)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "kind", kind);
	put_id(w, "dataset", dataset);
	put_id(w, "job", job);
	put_time(w, "time", time_ns);
	or_jsonw_end(w);
}

/* What a workload of the product was seen to read or write though nobody declared it. */
static void put_findings(struct or_jsonw *w, const struct node *n, const struct product *p)
{
	for (size_t i = 0; i < n->n_out; i++) {
		const struct edge *e = &n->out[i];
		const struct node *job = n->is_job ? n : e->to, *dataset = n->is_job ? e->to : n;

		if (!e->observed || e->declared || !is_of(job, p))
			continue;
		if (n->is_job && !is_declared_output(dataset, p))
			put_finding(w, "undeclared_output", dataset, job, e->time_ns);
		else if (!n->is_job && !is_declared_input(dataset, p))
			put_finding(w, "undeclared_input", dataset, job, e->time_ns);
	}
}

bool co_lineage_put(struct or_jsonw *w, struct co_lineage *l, struct or_slice product)
{
	const struct product *p = or_map_find(&l->products, product);
	struct walk k = {0};

	if (!p || !p->n)
		return false;
	l->visit++;
	for (size_t i = 0; i < p->n; i++)
		visit(l, &k, p->nodes[i]);
	for (size_t at = 0; at < k.n; at++) {
		for (size_t i = 0; i < k.nodes[at]->n_out; i++)
			visit(l, &k, k.nodes[at]->out[i].to);
		for (size_t i = 0; i < k.nodes[at]->n_in; i++)
			visit(l, &k, k.nodes[at]->in[i]);
	}
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "product", product);
	or_jsonw_key(w, "nodes");
	or_jsonw_array(w);
	for (size_t i = 0; i < k.n; i++)
		put_node(w, k.nodes[i]);
	or_jsonw_end(w);
	or_jsonw_key(w, "edges");
	or_jsonw_array(w);
	for (size_t i = 0; i < k.n; i++)
		put_edges(w, k.nodes[i]);
	or_jsonw_end(w);
	or_jsonw_key(w, "findings");
	or_jsonw_array(w);
	for (size_t i = 0; i < k.n; i++)
		put_findings(w, k.nodes[i], p);
	or_jsonw_end(w);
	or_jsonw_end(w);
	or_mem_free(k.nodes);
	return true;
}

void co_lineage_stats(struct co_lineage_stats *out, const struct co_lineage *l)
{
	*out = (struct co_lineage_stats){
	    .nodes = l->nodes.n, .edges = l->edges, .events = l->events, .dropped = l->dropped};
}
