/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy set: parsed policies and templates, ready to be evaluated.
 *
 * Built by adding texts (and links of templates), then compiled and used: from the first evaluation
 * on it is immutable and may be shared between threads.
 * Owns:   everything in it, the texts too; a policy is borrowed until the set is freed.
 * Limits: the budget given at the start (OR_FULL), brackets 150 deep, 4 GiB of text.
 * Errors: OR_PARSE with diagnostics; a text with an error adds nothing.
 * Grammar: Cedar 4.5, policies and templates.
 */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include "policy/diag.h"
#include "policy/uid.h"

struct pol_set;
struct pol_body; /* policy/ast.h */

struct pol_annotation {
	struct or_slice key;
	struct or_slice value; /* empty where none is written */
	bool bare;             /* none is written: @key, not @key("") */
};

/* What a policy counts for where modes are heeded (struct pol_request.skip), by its @mode. */
enum pol_mode {
	POL_MODE_ENFORCE, /* "enforce", or none */
	POL_MODE_SHADOW,  /* "shadow": what it would decide is told, and nothing more */
	POL_MODE_OBSERVE, /* "observe": that it would have had a say is told */
};

struct pol_policy {
	struct or_slice id;
	bool forbid;
	enum pol_mode mode;
	bool template; /* has slots that are open: not evaluated, only linked */
	const struct pol_annotation *annotations;
	size_t n_annotations;
	uint32_t place; /* in its set */
	const char *file;
	uint32_t line;
	uint32_t at; /* where its text begins, and how long it is */
	uint32_t len;
	const struct pol_body *body;
	const struct pol_uid *slots[2]; /* what ?principal and ?resource are linked to */
};

enum pol_ids {
	POL_IDS_NUMBERED,  /* policy0, policy1… over the set, as Cedar does */
	POL_IDS_ANNOTATED, /* @id("…"), else "<name of the text>#policyN", N from 0 in the text */
	POL_IDS_EITHER,    /* @id("…"), else policyN, N from 0 over the set */
};

/* budget: bytes of everything parsed, and of the program made of it (without room for one, requests
 * are slower); 0 for POL_SET_BUDGET. */
#define POL_SET_BUDGET (256 * OR_MIB)
struct pol_set *pol_set_new(enum pol_ids ids, size_t budget);
void pol_set_free(struct pol_set *set);

/*
 * Adds the policies of a text (copied); name is the file in messages. OR_PARSE: what is wrong is
 * added to diags (which may be NULL), the first of it is in err. OR_EXISTS: a policy id is there
 * twice.
 */
OR_NODISCARD enum or_code pol_set_add(struct pol_set *set, const char *name, struct or_slice text,
    struct pol_diags *diags, struct or_err *err);

/* pol_set_new and pol_set_add in one. *out is the caller's (pol_set_free). */
OR_NODISCARD enum or_code pol_set_parse(struct pol_set **out, enum pol_ids ids, const char *name,
    struct or_slice text, struct pol_diags *diags, struct or_err *err);

/*
 * Links a template: a policy new_id with ?principal and ?resource filled in (NULL where the
 * template has no such slot; copied). OR_ABSENT: no such template. OR_INVAL: a slot is missing or
 * not there. OR_EXISTS: new_id is taken.
 */
OR_NODISCARD enum or_code pol_set_link(struct pol_set *set, struct or_slice template_id,
    struct or_slice new_id, const struct pol_uid *principal, const struct pol_uid *resource,
    struct or_err *err);

/*
 * Makes the program that requests run, after the last change. The first request does it where it
 * has not been done, and is as much slower: about as long as reading the texts took.
 */
void pol_set_compile(struct pol_set *set);

/* Policies and templates in the order they were added; borrowed. */
size_t pol_set_count(const struct pol_set *set);
const struct pol_policy *pol_set_at(const struct pol_set *set, size_t i);

/* NULL where absent. */
const struct pol_policy *pol_set_find(const struct pol_set *set, struct or_slice id);

/* NULL where the policy has no such annotation. */
const struct pol_annotation *pol_set_annotation(const struct pol_policy *p, const char *key);

/* A bit for each enum pol_mode that some policy has. */
unsigned int pol_set_modes(const struct pol_set *set);
/* OR_INVAL: a @mode that is none of the three; err says whose. */
OR_NODISCARD enum or_code pol_set_check_modes(const struct pol_set *set, struct or_err *err);

/* Bytes that the set holds. */
size_t pol_set_bytes(const struct pol_set *set);

#endif
