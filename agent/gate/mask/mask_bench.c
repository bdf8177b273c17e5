/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What masking costs: rows of about 150 bytes through the maskers in pieces of 64 KiB, one column
 * of seven masked; beside it a copy of the same bytes, the least that any proxy does.
 */
#include "agent/gate/mask/mask_csv.h"
#include "agent/gate/mask/mask_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PIECE = 64 * 1024, TOTAL_MIB = 256 };

static const struct or_slice email_path[] = {{(const uint8_t *)"email", 5}};

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

static void fill_json(struct or_buf *b)
{
	for (size_t i = 0; b->n < PIECE - 400; i++)
		or_buf_printf(b,
		    "{\"id\":%zu,\"email\":\"ann.lee%zu@example.com\",\"city\":\"Utrecht\","
		    "\"total_cents\":%zu,\"placed_at\":\"2024-05-06T07:08:09Z\","
		    "\"status\":\"shipped\",\"note\":\"leave it at the door, please\"}\n",
		    i, i, i * 17);
}

static void fill_csv(struct or_buf *b)
{
	for (size_t i = 0; b->n < PIECE - 400; i++)
		or_buf_printf(b,
		    "%zu,ann.lee%zu@example.com,Utrecht,%zu,2024-05-06T07:08:09Z,shipped,"
		    "\"leave it at the door, please\"\n",
		    i, i, i * 17);
}

static void feed(void *masker, bool csv, struct or_slice in, struct or_buf *out)
{
	while (in.n) {
		size_t used;
		enum ag_mask_fault fault = csv ? ag_mask_csv_feed(masker, in, &used, out, PIECE)
					       : ag_mask_json_feed(masker, in, &used, out, PIECE);

		OR_ASSERT(fault == AG_MASK_FINE);
		in = or_slice_from(in, used);
		or_buf_clear(out);
	}
}

static void report(const char *format, const char *mask, int64_t ns)
{
	printf("{\"bench\":\"mask\",\"case\":\"%s\",\"mask\":\"%s\",\"mib\":%d,"
	       "\"mb_per_s\":%.0f}\n",
	    format, mask, TOTAL_MIB, (double)TOTAL_MIB * (double)OR_MIB / 1e6 / ((double)ns / 1e9));
}

static void run(const char *format, enum pol_mask_kind kind, const char *name)
{
	const struct pol_mask item = {.path = email_path, .n_path = 1, .kind = kind, .n = 4};
	const struct pol_masks masks = {&item, 1};
	bool csv = format[0] == 'c';
	struct ag_mask_plan *plan;
	struct or_buf in, out;
	void *masker;
	int64_t from;

	OR_ASSERT(ag_mask_plan_new(&plan, &masks, OR_SLICE_LIT("key"), NULL) == OR_OK);
	masker = csv ? (void *)ag_mask_csv_new(plan) : (void *)ag_mask_json_new(plan, true);
	or_buf_init(&in, 2 * PIECE);
	or_buf_init(&out, 16 * PIECE);
	if (csv) {
		feed(masker, csv, OR_SLICE_LIT("id,email,city,total_cents,placed_at,status,note\n"),
		    &out);
		fill_csv(&in);
	} else {
		fill_json(&in);
	}
	from = cpu_ns();
	for (size_t done = 0; done < TOTAL_MIB * OR_MIB; done += in.n)
		feed(masker, csv, or_buf_slice(&in), &out);
	report(format, name, cpu_ns() - from);
	if (csv)
		ag_mask_csv_free(masker);
	else
		ag_mask_json_free(masker);
	or_buf_done(&in);
	or_buf_done(&out);
	ag_mask_plan_free(plan);
}

static void copy(void)
{
	struct or_buf in, out;
	int64_t from;

	or_buf_init(&in, 2 * PIECE);
	or_buf_init(&out, 2 * PIECE);
	fill_json(&in);
	from = cpu_ns();
	for (size_t done = 0; done < TOTAL_MIB * OR_MIB; done += in.n) {
		or_buf_clear(&out);
		or_buf_put_slice(&out, or_buf_slice(&in));
	}
	report("copy", "none", cpu_ns() - from);
	or_buf_done(&in);
	or_buf_done(&out);
}

int main(void)
{
	static const struct {
		enum pol_mask_kind kind;
		const char *name;
	} kinds[] = {{POL_MASK_NULL, "null"}, {POL_MASK_REDACT, "redact"},
	    {POL_MASK_LAST, "last-4"}, {POL_MASK_EMAIL, "email"}, {POL_MASK_HASH, "hash"}};

	copy();
	for (size_t i = 0; i < OR_LEN(kinds); i++) {
		run("ndjson", kinds[i].kind, kinds[i].name);
		run("csv", kinds[i].kind, kinds[i].name);
	}
	return 0;
}
