/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision on this machine stands on: policies, schema, entities, and the product whose
 * ports are resources, as the gate has them.
 *
 * Policies come from a folder (*.cedar, *.cedarschema or *.cedarschema.json, entities.json), from
 * one file, or from a signed bundle. Without any of them: policy/ beside the descriptor.
 * Owns: everything; a world is used by one thread.
 */
#ifndef CLI_POLICY_POLICY_WORLD_H
#define CLI_POLICY_POLICY_WORLD_H

#include "cli/args.h"
#include "policy/bundle.h"
#include "policy/ctx.h"
#include "product/folder.h"

struct ctl_policy_world_opt {
	const char *product; /* the descriptor; NULL: ./dataproduct.yaml where it is there */
	const char *policy;  /* a folder, or a file */
	const char *bundle;
	const char *schema;   /* instead of the folder's */
	const char *entities; /* besides the folder's */
	const char *state;    /* for the development key that bundles may be signed with */
	struct ctl_args_list trust;
	bool bare; /* read no descriptor that is not named */
};

/* In a verb's table of flags. */
#define CTL_POLICY_WORLD_FLAGS(o)                                                                  \
	{.name = "product",                                                                        \
	    .metavar = "FILE",                                                                     \
	    .value = &(o)->product,                                                                \
	    .help = "the descriptor (default ./dataproduct.yaml)"},                                \
	    {.name = "policy",                                                                     \
		.metavar = "PATH",                                                                 \
		.value = &(o)->policy,                                                             \
		.help = "policies: a folder or a file (default: policy/ beside the descriptor)"},  \
	    {.name = "bundle",                                                                     \
		.metavar = "FILE",                                                                 \
		.value = &(o)->bundle,                                                             \
		.help = "policies: a signed bundle"},                                              \
	    {.name = "trust",                                                                      \
		.metavar = "FILE",                                                                 \
		.list = &(o)->trust,                                                               \
		.help = "a public key that may sign the bundle (default: this machine's own)"},    \
	    {.name = "schema",                                                                     \
		.metavar = "FILE",                                                                 \
		.value = &(o)->schema,                                                             \
		.help = "a schema instead of the policies' own"},                                  \
	    {.name = "entities",                                                                   \
		.metavar = "FILE",                                                                 \
		.value = &(o)->entities,                                                           \
		.help = "further entities, as JSON"},                                              \
	{                                                                                          \
		.name = "state", .metavar = "DIR", .value = &(o)->state,                           \
		.help = "where everything is kept"                                                 \
	}

struct ctl_policy_world {
	struct or_arena *arena;
	const struct pol_set *sets[1];
	const struct pol_schema *schema;     /* NULL: there is none */
	const struct pol_entities *entities; /* sealed: files, bundle and ports */
	const struct dp_folder *folder;      /* NULL: no descriptor was read */
	uint64_t revision;                   /* of a bundle; 0 otherwise */
	struct pol_ctx *ctx;
	/* Owned, where they are not a bundle's. */
	struct pol_set *set;
	struct pol_schema *own_schema;
	struct pol_entities *merged;
	struct pol_bundle *bundle;
};

/* What is wrong with policies, schema or entities goes to stderr as it is found. *out is the
 * caller's (ctl_policy_world_close) on success only. */
OR_NODISCARD enum or_code ctl_policy_world_open(
    struct ctl_policy_world *out, const struct ctl_policy_world_opt *opt, struct or_err *err);
void ctl_policy_world_close(struct ctl_policy_world *w);

/* A store with the entities of both, those of `over` first; over may be NULL. */
OR_NODISCARD enum or_code ctl_policy_world_merge(struct pol_entities **out,
    const struct pol_entities *over, const struct pol_entities *under, struct or_err *err);

/* The whole file in the world's arena. */
OR_NODISCARD enum or_code ctl_policy_world_read(
    struct or_slice *out, struct or_arena *a, const char *path, struct or_err *err);

#endif
