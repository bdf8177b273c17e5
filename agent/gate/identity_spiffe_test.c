/* SPDX-License-Identifier: Apache-2.0 */
/* Every ID of tests/claims/spiffe.tsv; the file says how to read it. */
#include "agent/gate/identity_spiffe.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { MAX = 256 * 1024, COLUMNS = 6, CASES_MIN = 80 };

static void put_repeated(struct or_buf *out, struct or_slice s, size_t *at)
{
	size_t star = or_str_find(s, '*', *at), close = or_str_find(s, ')', star);
	uint64_t n;

	assert_true(close < s.n && star == *at + 3);
	ASSERT_CODE(or_str_u64(&n, or_slice(s.p + star + 1, close - star - 1)), OR_OK);
	for (uint64_t i = 0; i < n; i++)
		or_buf_put_byte(out, s.p[*at + 2]);
	*at = close + 1;
}

static struct or_slice expand(struct or_arena *a, struct or_slice s)
{
	static const char names[] = "tn0\\", values[] = "\t\n\0\\";
	struct or_slice result;
	struct or_buf out;

	or_buf_init(&out, MAX);
	for (size_t at = 0; at < s.n;) {
		if (or_str_has_prefix(or_slice_from(s, at), "$(") &&
		    or_str_find(s, '*', at) == at + 3) {
			put_repeated(&out, s, &at);
		} else if (s.p[at] == '\\') {
			or_buf_put_byte(&out, (uint8_t)values[strchr(names, s.p[at + 1]) - names]);
			at += 2;
		} else {
			or_buf_put_byte(&out, s.p[at++]);
		}
	}
	result = or_arena_dup(a, or_buf_slice(&out));
	or_buf_done(&out);
	return result;
}

static bool holds(const struct or_slice c[COLUMNS])
{
	struct ag_identity_spiffe id = {0};
	enum ag_identity_spiffe_fault fault = ag_identity_spiffe_parse(&id, c[2]);
	bool ok = or_slice_is(c[3], ag_identity_spiffe_fault_name(fault));

	if (ok && !fault)
		ok = or_slice_eq(id.trust_domain, c[4]) && or_slice_eq(id.path, c[5]);
	else if (ok)
		ok = !id.trust_domain.p; /* untouched */
	if (!ok)
		print_error("%.*s: %.*s: expected %.*s, got %s\n", OR_SLICE_FMT(c[0]),
		    OR_SLICE_FMT(c[1]), OR_SLICE_FMT(c[3]), ag_identity_spiffe_fault_name(fault));
	return ok;
}

static void parse__follows_the_standard(void **state)
{
	struct or_arena *a = or_arena_new(0);
	size_t n = 0, failed = 0;
	struct or_buf file;
	struct or_slice text;
	struct or_err err = {0};

	(void)state;
	or_buf_init(&file, MAX);
	ASSERT_OK(or_sys_read_file(&file, "tests/claims/spiffe.tsv", &err), &err);
	text = or_buf_slice(&file);
	for (size_t at = 0, end; at < text.n; at = end + 1) {
		struct or_slice columns[COLUMNS];

		end = or_str_find(text, '\n', at);
		if (text.p[at] == '#')
			continue;
		for (size_t i = 0, from = at; i < COLUMNS; i++) {
			size_t tab = or_str_find(or_slice(text.p, end), '\t', from);

			assert_int_equal(tab == end, i + 1 == COLUMNS);
			columns[i] = expand(a, or_slice(text.p + from, tab - from));
			from = tab + 1;
		}
		n++;
		failed += !holds(columns);
	}
	printf("spiffe: %zu/%zu\n", n - failed, n);
	assert_true(n >= CASES_MIN);
	assert_int_equal(failed, 0);
	or_buf_done(&file);
	or_arena_free(a);
}

static void domain__takes_names_alone(void **state)
{
	(void)state;
	assert_int_equal(
	    ag_identity_spiffe_domain(OR_SLICE_LIT("example.org")), AG_IDENTITY_SPIFFE_OK);
	assert_int_equal(ag_identity_spiffe_domain(OR_SLICE_LIT("spiffe://example.org")),
	    AG_IDENTITY_SPIFFE_DOMAIN_BYTE);
	assert_int_equal(ag_identity_spiffe_domain(OR_SLICE_LIT("")), AG_IDENTITY_SPIFFE_NO_DOMAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__follows_the_standard),
	    cmocka_unit_test(domain__takes_names_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
