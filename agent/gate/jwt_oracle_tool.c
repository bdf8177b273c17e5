/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's verdict on tokens, for a test in another language: a line {issuer, audience, algs,
 * jwks, token, now} on standard input is answered by a line with the reason, "ok" where it
 * verifies.
 */
#include "agent/gate/identity.h"
#include "base/str.h"

#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 * 1024, ALGS_MAX = 9 };

static const char *text(struct or_arena *a, const struct or_json *j, const char *key)
{
	return or_arena_strdup(a, or_json_get_str(j, key));
}

static enum or_code check(const char **reason, const struct or_json *j, struct or_arena *a)
{
	const struct or_json *algs = or_json_get_type(j, "algs", OR_JSON_ARRAY);
	const struct or_json *now = or_json_get_type(j, "now", OR_JSON_INT);
	const char **names = or_arena_array(a, ALGS_MAX + 1, sizeof(*names));
	struct ag_identity_issuer issuer = {
	    .issuer = text(a, j, "issuer"), .audience = text(a, j, "audience"), .algs = names};
	struct ag_identity_who who;
	struct ag_identity *id;
	struct ag_jwks *set;
	enum or_code rc;

	if (!algs || !now || algs->array.n > ALGS_MAX)
		return OR_INVAL;
	for (size_t i = 0; i < algs->array.n; i++)
		names[i] = or_arena_strdup(a, algs->array.items[i]->s);
	rc = ag_identity_new(&id, &issuer, 1, 0, NULL);
	if (rc)
		return rc;
	rc = ag_jwks_parse(&set, or_json_get_str(j, "jwks"), NULL);
	if (rc == OR_OK) {
		ag_identity_keys_put(id, 0, set);
		*reason = ag_jwt_reason_name(ag_identity_check(
		    id, &who, or_json_get_str(j, "token"), now->i * OR_NS_PER_S, a)
						 .reason);
	}
	ag_identity_free(id);
	return rc;
}

int main(void)
{
	struct or_buf line;
	enum or_code rc = OR_OK;
	int c;

	or_buf_init(&line, LINE_MAX_BYTES);
	while (rc == OR_OK && (c = getchar()) != EOF) {
		struct or_arena *a;
		const struct or_json *j;
		const char *reason = "";

		if (c != '\n') {
			or_buf_put_byte(&line, (uint8_t)c);
			continue;
		}
		a = or_arena_new(16 * OR_MIB);
		rc = or_json_parse(&j, or_buf_slice(&line), a, NULL);
		if (rc == OR_OK)
			rc = check(&reason, j, a);
		or_buf_clear(&line);
		if (rc == OR_OK)
			puts(reason);
		fflush(stdout);
		or_arena_free(a);
	}
	or_buf_done(&line);
	if (rc)
		fprintf(stderr, "%s\n", or_err_name(rc));
	return rc ? 1 : 0;
}
