/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/observe_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void ag_observe_record_start(
    struct ag_observe_record *r, enum wire_kind kind, const char *action, const char *reason)
{
	r->audit = (struct wire_audit){.kind = kind,
	    .front = WIRE_FRONT_KERNEL,
	    .action = or_slice_str(action),
	    .reason = or_slice_str(reason),
	    .attributes = r->attrs};
}

void ag_observe_record_text(struct ag_observe_record *r, const char *key, const char *text)
{
	if (!text[0])
		return;
	OR_ASSERT(r->audit.n_attributes < AG_OBSERVE_ATTRS);
	r->attrs[r->audit.n_attributes++] =
	    (struct wire_attribute){.key = or_slice_str(key), .value = or_slice_str(text)};
}

void ag_observe_record_count(struct ag_observe_record *r, const char *key, uint64_t n)
{
	char *text = r->texts[r->audit.n_attributes % AG_OBSERVE_ATTRS];

	snprintf(text, sizeof(r->texts[0]), "%llu", (unsigned long long)n);
	ag_observe_record_text(r, key, text);
}

static const char *access_name(uint32_t flags)
{
	static const char *const names[] = {"read", "write", "read_write", "none"};

	if ((flags & O_ACCMODE) == O_WRONLY && (flags & O_APPEND))
		return "append";
	return names[flags & O_ACCMODE];
}

static void put_exec(struct ag_observe_record *r, const struct ag_note_seen *seen)
{
	ag_observe_record_start(r, WIRE_KIND_PROCESS, "exec", "");
	r->audit.resource.type = OR_SLICE_LIT("Program");
	ag_observe_record_text(r, "command", seen->extra);
}

static void put_conn(struct ag_observe_record *r, const struct ag_note_seen *seen)
{
	static const char *const reasons[TAP_CONN_OUTCOMES] = {[TAP_CONN_MADE] = "",
	    [TAP_CONN_FAILED] = "connection_failed",
	    [TAP_CONN_ABANDONED] = "connection_abandoned",
	    [TAP_CONN_UNKNOWN] = "outcome_unknown"};

	ag_observe_record_start(r, WIRE_KIND_NETWORK, "connect", reasons[seen->outcome]);
	r->audit.resource.type = OR_SLICE_LIT("Endpoint");
	r->audit.request.duration_ns = seen->took_ns;
	if (seen->outcome == TAP_CONN_MADE)
		ag_observe_record_text(r, "local", seen->extra);
}

static void put_file(struct ag_observe_record *r, const struct ag_note_seen *seen)
{
	ag_observe_record_start(r, WIRE_KIND_FILE, "open", seen->error ? "refused_by_kernel" : "");
	r->audit.resource.type = OR_SLICE_LIT("File");
	ag_observe_record_text(r, "access", access_name(seen->access));
}

static void put_error(struct ag_observe_record *r, uint32_t error)
{
	const char *name = error ? strerrorname_np((int)error) : NULL;

	if (name)
		ag_observe_record_text(r, "error", name);
	else if (error)
		ag_observe_record_count(r, "error", error);
}

void ag_observe_record_seen(struct ag_observe_record *r, const struct ag_note_seen *seen)
{
	static void (*const put[TAP_KINDS])(
	    struct ag_observe_record *, const struct ag_note_seen *) = {
	    [TAP_EXEC] = put_exec, [TAP_CONN] = put_conn, [TAP_FILE] = put_file};

	put[seen->kind](r, seen);
	r->audit.time_ns = seen->time_ns;
	r->audit.resource.id = or_slice_str(seen->object);
	ag_observe_record_text(r, "program", seen->program);
	ag_observe_record_count(r, "pid", seen->pid);
	ag_observe_record_count(r, "uid", seen->uid);
	put_error(r, seen->error);
	if (seen->flags & (TAP_CUT_PATH | TAP_CUT_NAME | TAP_CUT_ARGS))
		ag_observe_record_text(r, "cut", "true");
	if (seen->flags & TAP_PATH_ASKED)
		ag_observe_record_text(r, "path", "as_asked");
	if (seen->flags & TAP_FOUND)
		ag_observe_record_text(r, "found", "true");
	if (!seen->again && seen->count == 1)
		return;
	ag_observe_record_count(r, "count", seen->count);
	ag_observe_record_count(
	    r, "span_ms", (seen->until_ns - seen->time_ns) / (uint64_t)OR_NS_PER_MS);
	if (seen->again)
		ag_observe_record_text(r, "repeats", "true");
}
