/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a probe is: a folder, and one of these (inside of ebpf/ only).
 *
 * A probe has its program objects embedded and one or more hooks, the best first; the loader takes
 * the first that this kernel and these permissions allow. A new probe: a folder with x.bpf.c,
 * x_event.h, x.c (this descriptor and the decoder) and x_test.c, a kind in raw.h, a member in
 * tap_event, and its line in tap_probe_list.
 */
#ifndef EBPF_PROBE_H
#define EBPF_PROBE_H

#include "base/jsonw.h"
#include "ebpf/event.h"

#define TAP_HOOK_PROGS 8

struct tap_hook {
	const char *name; /* for people: "fexit/security_file_open" */
	/* Programs of the object, all of which are attached. */
	const char *progs[TAP_HOOK_PROGS];
	/* How many of the first ones must attach; the others may be absent (a system call that this
	 * architecture lacks). */
	size_t must;
	bool needs_tracefs;
};

struct tap_probe {
	enum tap_kind kind;
	const char *name;
	const struct or_slice *object; /* object.h */
	uint32_t ring_bytes;           /* unless tap_loader_opt says otherwise */
	const struct tap_hook *hooks;
	size_t n_hooks;
	/* raw is the whole record, its head already checked and copied into *out. */
	enum or_code (*decode)(struct tap_event *out, struct or_slice raw);
	/* Its own members, into the event's object. */
	void (*json)(struct or_jsonw *w, const struct tap_event *ev);
};

/* A 64-bit id, as text: JSON's numbers don't hold it everywhere. */
void tap_probe_json_id(struct or_jsonw *w, const char *key, uint64_t id);

/* By kind. */
extern const struct tap_probe *const tap_probe_list[TAP_KINDS];

#endif
