/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/who.h"

enum { GROUP_MAX = 1024 };

/* RFC 6901 for a path that starts with '/'; else the member of that very name. */
static const struct or_json *claim(const struct or_json *claims, const char *path)
{
	const struct or_json *at = claims;

	if (path[0] != '/')
		return or_json_get(claims, path);
	while (at && *path == '/') {
		char name[256];
		size_t n = 0;

		for (path++; *path && *path != '/'; path++) {
			char c = *path;

			if (c == '~' && (path[1] == '0' || path[1] == '1'))
				c = *++path == '0' ? '~' : '/';
			if (n == sizeof(name))
				return NULL;
			name[n++] = c;
		}
		at = or_json_get_slice(at, or_slice(name, n));
	}
	return at;
}

static bool is_name(const struct or_json *v)
{
	return v->type == OR_JSON_STR && v->s.n > 0 && v->s.n <= GROUP_MAX;
}

static enum ag_jwt_reason read_groups(
    struct ag_identity_who *who, const struct or_json *v, struct or_arena *a)
{
	struct or_json one = {.type = OR_JSON_ARRAY, .array = {.items = &v, .n = 1}};
	const struct or_json *list = v && v->type == OR_JSON_STR ? &one : v;
	struct or_slice *groups;

	if (!v)
		return AG_JWT_OK;
	if (list->type != OR_JSON_ARRAY || list->array.n > AG_IDENTITY_GROUPS_MAX)
		return AG_JWT_CLAIMS;
	groups = or_arena_array(a, list->array.n, sizeof(*groups));
	if (!groups)
		return AG_JWT_TOO_LARGE;
	for (size_t i = 0; i < list->array.n; i++) {
		if (!is_name(list->array.items[i]))
			return AG_JWT_CLAIMS;
		groups[i] = list->array.items[i]->s;
	}
	who->groups = groups;
	who->n_groups = list->array.n;
	return AG_JWT_OK;
}

static enum ag_jwt_reason read_actors(
    struct ag_identity_who *who, const struct or_json *act, struct or_arena *a)
{
	struct ag_identity_actor *actors;
	size_t n = 0;

	if (!act)
		return AG_JWT_OK;
	actors = or_arena_array(a, AG_IDENTITY_ACTORS_MAX, sizeof(*actors));
	if (!actors)
		return AG_JWT_TOO_LARGE;
	for (; act; act = or_json_get(act, "act")) {
		const struct or_json *sub = or_json_get(act, "sub"), *iss = or_json_get(act, "iss");

		if (n == AG_IDENTITY_ACTORS_MAX || !sub || !is_name(sub) || (iss && !is_name(iss)))
			return AG_JWT_CLAIMS;
		actors[n].sub = sub->s;
		actors[n++].iss = iss ? iss->s : OR_SLICE_NONE;
	}
	who->actors = actors;
	who->n_actors = n;
	return AG_JWT_OK;
}

static enum ag_jwt_reason read_binding(struct ag_identity_who *who, const struct or_json *claims)
{
	const struct or_json *cnf = or_json_get(claims, "cnf");
	const struct or_json *cert = or_json_get(cnf, "x5t#S256");

	if (!cnf)
		return AG_JWT_OK;
	/* RFC 7800 §3.1: a binding that is not understood must not be taken for none */
	if (!cert || cert->type != OR_JSON_STR || cert->s.n == 0)
		return AG_JWT_CLAIMS;
	who->bound_cert = cert->s;
	return AG_JWT_OK;
}

enum ag_jwt_reason ag_who_read(struct ag_identity_who *out, const struct or_json *claims,
    const char *subject_claim, const char *groups_claim, struct or_arena *a)
{
	struct ag_identity_who who = {.claims = claims};
	const struct or_json *subject = claim(claims, subject_claim);
	enum ag_jwt_reason reason = read_groups(&who, claim(claims, groups_claim), a);

	if (!subject || !is_name(subject))
		return AG_JWT_CLAIMS;

	if (reason == AG_JWT_OK)
		reason = read_actors(&who, or_json_get(claims, "act"), a);
	if (reason == AG_JWT_OK)
		reason = read_binding(&who, claims);
	if (reason)
		return reason;
	who.issuer = or_json_get_str(claims, "iss");
	who.sub = subject->s;
	*out = who;
	return AG_JWT_OK;
}

static bool copy_slice(struct or_slice *s, struct or_arena *a)
{
	if (!s->p)
		return true;
	*s = or_arena_dup(a, *s);
	return s->p != NULL;
}

static bool copy_tree(struct or_json *to, const struct or_json *from, struct or_arena *a);

static bool copy_array(struct or_json *to, const struct or_json *from, struct or_arena *a)
{
	size_t n = from->array.n;
	struct or_json *values = or_arena_array(a, n, sizeof(*values));

	to->array.items = or_arena_array(a, n, sizeof(*to->array.items));
	if (!values || !to->array.items)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!copy_tree(&values[i], from->array.items[i], a))
			return false;
		to->array.items[i] = &values[i];
	}
	return true;
}

static bool copy_object(struct or_json *to, const struct or_json *from, struct or_arena *a)
{
	size_t n = from->object.n;
	struct or_json *values = or_arena_array(a, n, sizeof(*values));

	to->object.members = or_arena_array(a, n, sizeof(*to->object.members));
	if (!values || !to->object.members)
		return false;
	for (size_t i = 0; i < n; i++) {
		to->object.members[i].key = from->object.members[i].key;
		if (!copy_slice(&to->object.members[i].key, a) ||
		    !copy_tree(&values[i], from->object.members[i].value, a))
			return false;
		to->object.members[i].value = &values[i];
	}
	return true;
}

/* The depth is the parser's: OR_JSON_DEPTH_MAX. */
static bool copy_tree(struct or_json *to, const struct or_json *from, struct or_arena *a)
{
	*to = *from;
	switch (from->type) {
	case OR_JSON_STR: return copy_slice(&to->s, a);
	case OR_JSON_ARRAY: return copy_array(to, from, a);
	case OR_JSON_OBJECT: return copy_object(to, from, a);
	case OR_JSON_NULL:
	case OR_JSON_BOOL:
	case OR_JSON_INT:
	case OR_JSON_REAL: return true;
	}
	return false;
}

static bool copy_lists(struct ag_identity_who *who, struct or_arena *a)
{
	struct or_slice *groups = or_arena_array(a, who->n_groups, sizeof(*groups));
	struct ag_identity_actor *actors = or_arena_array(a, who->n_actors, sizeof(*actors));

	if (!groups || !actors)
		return false;
	for (size_t i = 0; i < who->n_groups; i++) {
		groups[i] = who->groups[i];
		if (!copy_slice(&groups[i], a))
			return false;
	}
	for (size_t i = 0; i < who->n_actors; i++) {
		actors[i] = who->actors[i];
		if (!copy_slice(&actors[i].sub, a) || !copy_slice(&actors[i].iss, a))
			return false;
	}
	who->groups = groups;
	who->actors = actors;
	return true;
}

bool ag_who_copy(
    struct ag_identity_who *out, const struct ag_identity_who *from, struct or_arena *a)
{
	struct ag_identity_who who = *from;
	struct or_json *claims = or_arena_alloc(a, sizeof(*claims));

	if (!claims || !copy_tree(claims, from->claims, a) || !copy_lists(&who, a))
		return false;
	if (!copy_slice(&who.issuer, a) || !copy_slice(&who.sub, a) ||
	    !copy_slice(&who.bound_cert, a))
		return false;
	who.claims = claims;
	*out = who;
	return true;
}
