/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   content ─▶ unpack ─▶ plain ─▶ masker ─▶ held (at first), then shown ─▶ pack ─▶ out
 *
 * Without gzip plain is the content itself and shown is out.
 */
#include "agent/gate/mask/mask_filter.h"

#include "agent/gate/mask/mask_csv.h"
#include "agent/gate/mask/mask_json.h"
#include "base/gzip_stream.h"
#include "base/mem.h"
#include "base/str.h"

enum { PLAIN_ROOM = 32 * 1024 };

enum format { NO_FORMAT, JSON, NDJSON, CSV };

struct filter {
	struct ag_filter base;
	struct ag_mask_plan *plan;
	struct ag_mask_json *json; /* or */
	struct ag_mask_csv *csv;
	struct or_gzip_stream *unpacker, *packer; /* NULL: plain */
	struct or_buf plain;                      /* unpacked, from plain_at on not yet masked */
	size_t plain_at;
	struct or_buf shown; /* masked, to be packed */
	struct or_buf held;
	enum ag_mask_fault refused; /* at the first byte */
	enum format format;
	bool unpacks; /* more can be unpacked without more coming */
	bool holds, started, ended;
};

struct plan {
	struct ag_filter_plan base;
	const struct ag_mask_filter_conf *conf;
	struct pol_masks masks;
};

/* -- the head -- */

static enum format format_of(struct or_slice type)
{
	static const struct {
		const char *name;
		enum format format;
	} types[] = {
	    {"application/json", JSON},
	    {"text/json", JSON},
	    {"application/x-ndjson", NDJSON},
	    {"application/ndjson", NDJSON},
	    {"application/jsonl", NDJSON},
	    {"application/x-jsonl", NDJSON},
	    {"application/jsonlines", NDJSON},
	    {"application/x-jsonlines", NDJSON},
	    {"text/csv", CSV},
	    {"application/csv", CSV},
	};

	for (size_t i = 0; i < OR_LEN(types); i++) {
		if (or_str_eq_nocase(type, or_slice_str(types[i].name)))
			return types[i].format;
	}
	/* RFC 6839 §3.1 */
	if (type.n > 5 && or_str_eq_nocase(or_slice_from(type, type.n - 5), OR_SLICE_LIT("+json")))
		return JSON;
	return NO_FORMAT;
}

/* The next ";name=value" of a media type from *at on; false at the end. Quotes are taken off. */
static bool next_parameter(
    struct or_slice *name, struct or_slice *value, struct or_slice type, size_t *at)
{
	size_t from = or_str_find(type, ';', *at), end, equals;
	struct or_slice part;

	if (from >= type.n)
		return false;
	end = or_str_find(type, ';', from + 1);
	part = or_slice(type.p + from + 1, end - from - 1);
	equals = or_str_find(part, '=', 0);
	*name = or_str_trim(or_slice(part.p, equals));
	*value = equals < part.n ? or_str_trim(or_slice_from(part, equals + 1)) : OR_SLICE_NONE;
	if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
		*value = or_slice(value->p + 1, value->n - 2);
	*at = end;
	return true;
}

static bool is_readable(enum format format, struct or_slice type)
{
	struct or_slice name, value;
	size_t at = 0;

	while (next_parameter(&name, &value, type, &at)) {
		if (or_str_eq_nocase(name, OR_SLICE_LIT("charset")) &&
		    !or_str_eq_nocase(value, OR_SLICE_LIT("utf-8")) &&
		    !or_str_eq_nocase(value, OR_SLICE_LIT("us-ascii")))
			return false;
		/* RFC 4180 §3 */
		if (format == CSV && or_str_eq_nocase(name, OR_SLICE_LIT("header")) &&
		    !or_str_eq_nocase(value, OR_SLICE_LIT("present")))
			return false;
	}
	return true;
}

/* The one field of that name: p == NULL where absent; false where there are two. */
static bool only_field(struct or_slice *out, const struct or_http_msg *msg, const char *name)
{
	*out = OR_SLICE_NONE;
	for (size_t i = 0; i < msg->n_fields; i++) {
		if (!or_str_eq_nocase(msg->fields[i].name, or_slice_str(name)))
			continue;
		if (out->p)
			return false;
		*out = msg->fields[i].value;
	}
	return true;
}

static enum ag_mask_fault read_type(enum format *out, const struct or_http_msg *msg)
{
	struct or_slice type;

	if (!only_field(&type, msg, "Content-Type") || !type.p)
		return AG_MASK_TYPE;
	*out = format_of(or_str_trim(or_slice(type.p, or_str_find(type, ';', 0))));
	return *out != NO_FORMAT && is_readable(*out, type) ? AG_MASK_FINE : AG_MASK_TYPE;
}

static enum ag_mask_fault read_coding(bool *gzip, const struct or_http_msg *msg)
{
	struct or_slice coding;

	if (!only_field(&coding, msg, "Content-Encoding"))
		return AG_MASK_CODING;
	*gzip = or_str_eq_nocase(coding, OR_SLICE_LIT("gzip")) ||
		or_str_eq_nocase(coding, OR_SLICE_LIT("x-gzip"));
	if (!coding.p || !coding.n || *gzip || or_str_eq_nocase(coding, OR_SLICE_LIT("identity")))
		return AG_MASK_FINE;
	return AG_MASK_CODING;
}

/* -- the content -- */

static enum ag_mask_fault feed(struct filter *f, struct or_slice *in, struct or_buf *to)
{
	size_t used = 0, high = f->holds ? AG_MASK_FILTER_HOLD : AG_FILTER_OUT;
	enum ag_mask_fault fault = f->csv ? ag_mask_csv_feed(f->csv, *in, &used, to, high)
					  : ag_mask_json_feed(f->json, *in, &used, to, high);

	*in = or_slice_from(*in, used);
	return fault;
}

/* Masks plain content as long as there is room; *more: some is left. */
static enum ag_mask_fault mask_plain(
    struct filter *f, struct or_slice *in, struct or_buf *shown, bool *more)
{
	*more = false;
	if (f->holds) {
		enum ag_mask_fault fault = feed(f, in, &f->held);

		if (fault || f->held.n < AG_MASK_FILTER_HOLD)
			return fault;
		or_buf_put_slice(shown, or_buf_slice(&f->held));
		or_buf_done(&f->held);
		f->holds = false;
	}
	if (shown->n < AG_FILTER_OUT && in->n) {
		enum ag_mask_fault fault = feed(f, in, shown);

		if (fault)
			return fault;
	}
	*more = in->n > 0;
	return AG_MASK_FINE;
}

static enum ag_mask_fault mask_packed(
    struct filter *f, struct ag_filter_io *io, struct or_buf *shown, bool *more)
{
	for (;;) {
		struct or_slice plain = or_slice_from(or_buf_slice(&f->plain), f->plain_at);
		enum ag_mask_fault fault = mask_plain(f, &plain, shown, more);
		enum or_code rc;

		f->plain_at = f->plain.n - plain.n;
		if (fault || *more || shown->n >= AG_FILTER_OUT) {
			*more = *more || io->in.n > 0 || f->unpacks;
			return fault;
		}
		or_buf_clear(&f->plain);
		f->plain_at = 0;
		rc = or_gzip_stream_unpack(f->unpacker, &io->in, io->last, &f->plain, PLAIN_ROOM);
		if (rc && rc != OR_AGAIN)
			return AG_MASK_CODING;
		f->unpacks = rc == OR_AGAIN;
		if (!f->plain.n)
			return AG_MASK_FINE;
	}
}

/* Everything is masked: what the masker still has. */
static enum ag_mask_fault end(struct filter *f, struct or_buf *shown)
{
	struct or_buf *to = f->holds ? &f->held : shown;
	enum ag_mask_fault fault =
	    f->csv ? ag_mask_csv_end(f->csv, to) : ag_mask_json_end(f->json, to);

	f->ended = true;
	if (fault == AG_MASK_FINE && f->holds)
		or_buf_put_slice(shown, or_buf_slice(&f->held));
	f->holds = false;
	return fault;
}

static enum ag_mask_fault mask(struct filter *f, struct ag_filter_io *io, struct or_buf *shown)
{
	enum ag_mask_fault fault;
	bool more = false;

	if (io->in.n && f->refused)
		return f->refused;
	f->started |= io->in.n > 0;
	if (!f->started)
		return AG_MASK_FINE;
	fault =
	    f->unpacker ? mask_packed(f, io, shown, &more) : mask_plain(f, &io->in, shown, &more);
	if (fault == AG_MASK_FINE && io->last && !more && !f->ended)
		fault = end(f, shown);
	io->more = more;
	return fault;
}

static enum or_code run(struct ag_filter *base, struct ag_filter_io *io)
{
	struct filter *f = (struct filter *)base;
	struct or_buf *shown = f->packer ? &f->shown : io->out;
	enum ag_mask_fault fault = mask(f, io, shown);
	enum or_code rc;

	if (fault) {
		io->reason = ag_mask_fault_name(fault);
		return OR_PARSE;
	}
	if (!f->packer || !f->started)
		return OR_OK;
	rc = or_gzip_stream_pack(f->packer, or_buf_slice(shown), f->format == NDJSON && !io->more,
	    io->last && !io->more, io->out);
	or_buf_clear(&f->shown);
	return rc;
}

static void free_filter(struct ag_filter *base)
{
	struct filter *f = (struct filter *)base;

	ag_mask_json_free(f->json);
	ag_mask_csv_free(f->csv);
	ag_mask_plan_free(f->plan);
	or_gzip_stream_free(f->unpacker);
	or_gzip_stream_free(f->packer);
	or_buf_done(&f->plain);
	or_buf_done(&f->shown);
	or_buf_done(&f->held);
	or_mem_free(f);
}

static const struct ag_filter_ops ops = {.run = run, .free = free_filter};

static void open_masker(struct filter *f, const struct or_http_msg *msg)
{
	bool gzip = false;

	f->refused = read_type(&f->format, msg);
	if (f->refused == AG_MASK_FINE)
		f->refused = read_coding(&gzip, msg);
	if (f->refused)
		return;
	if (f->format == CSV)
		f->csv = ag_mask_csv_new(f->plan);
	else
		f->json = ag_mask_json_new(f->plan, f->format == NDJSON);
	f->holds = f->format != NDJSON;
	if (!gzip)
		return;
	f->unpacker = or_gzip_stream_unpacker();
	f->packer = or_gzip_stream_packer();
}

static enum or_code open_filter(struct ag_filter **out, const struct ag_filter_plan *base,
    struct ag_filter_head *head, const char **reason)
{
	const struct plan *plan = (const struct plan *)base;
	struct filter *f = or_mem_new(sizeof(*f));
	enum or_code rc = ag_mask_plan_new(&f->plan, &plan->masks, plan->conf->hash_key, NULL);

	if (rc) {
		or_mem_free(f);
		*reason = ag_mask_fault_name(AG_MASK_LARGE);
		return rc;
	}
	f->base.ops = &ops;
	or_buf_init(&f->plain, 2 * PLAIN_ROOM);
	or_buf_init(&f->shown, AG_FILTER_OUT_MAX);
	or_buf_init(&f->held, AG_FILTER_OUT_MAX);
	open_masker(f, head->msg);
	*out = &f->base;
	return OR_OK;
}

/* -- the plan -- */

/* What else an allow may be bound to is not ours to carry out. */
static bool owes_more(const struct pol_decision *d)
{
	static const char *const keys[] = {"filter", "obligation"};

	for (size_t i = 0; i < d->n_reasons; i++) {
		for (size_t k = 0; k < OR_LEN(keys); k++) {
			if (pol_set_annotation(d->reasons[i], keys[k]))
				return true;
		}
	}
	return false;
}

/* "mask:email:redact": what the record says. A constant's text is not in it. */
static bool name_masks(struct plan *plan, struct or_arena *a)
{
	struct or_slice *names = or_arena_array(a, plan->masks.n, sizeof(*names));
	struct or_buf b;

	if (!names)
		return false;
	or_buf_init(&b, AG_FILTER_OUT);
	for (size_t i = 0; i < plan->masks.n; i++) {
		or_buf_clear(&b);
		or_buf_put_str(&b, "mask:");
		or_buf_put_slice(&b, plan->masks.items[i].column);
		or_buf_put_byte(&b, ':');
		pol_mask_print_kind(&b, &plan->masks.items[i]);
		names[i] = or_arena_dup(a, or_buf_slice(&b));
	}
	or_buf_done(&b);
	plan->base.obligations = names;
	plan->base.n_obligations = plan->masks.n;
	return !or_arena_is_full(a);
}

enum or_code ag_mask_filter_oblige(void *arg, const struct ag_filter_plan **out,
    const struct pol_decision *decision, const struct ag_decide_result *so_far, struct or_arena *a)
{
	struct plan *plan;
	struct pol_masks masks;
	enum or_code rc;

	(void)so_far;
	if (owes_more(decision))
		return OR_UNSUPPORTED;
	rc = pol_mask_resolve(&masks, a, decision, NULL);
	if (rc || !masks.n)
		return rc;
	plan = or_arena_alloc(a, sizeof(*plan));
	if (!plan)
		return OR_FULL;
	*plan = (struct plan){.conf = arg,
	    .masks = masks,
	    .base = {.open = open_filter, .accept_encoding = "gzip, identity"}};
	if (!name_masks(plan, a))
		return OR_FULL;
	*out = &plan->base;
	return OR_OK;
}
