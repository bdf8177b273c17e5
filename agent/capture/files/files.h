/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log files: found by patterns, read as they grow and through their rotation, each line once.
 *
 * A list of maps: path (a pattern of glob(7): * ? []), format (plain, cri, docker;
 * agent/capture/files/line.h), multiline (agent/capture/files/event.h), parse
 * (agent/capture/decode/decode.h). A file that is renamed is read until nothing came for ROTATE_NS;
 *one that is emptied in place is read from its beginning; one that was renamed while nobody looked
 *is found by its inode in the folders of the patterns. New files are read from their beginning. A
 *request (agent/capture/files/tail.h) goes into the spool with the place that was read to, so a
 *crash neither loses nor doubles a line. While the spool is filled to a half by what nobody takes,
 *files wait: they are their own buffer.
 *
 *	idle ─something happened in a folder─▶ reading ─nothing new twice─▶ idle
 *	  └──────────── and a look around every SWEEP_NS ────────────┘
 *
 * What cannot be helped: lines that a copytruncate takes away before they were read, and files that
 * are compressed or removed while the agent is not there.
 * Thread: the loop's; reads block on the disk where the page cache does not have them.
 * Limits: AG_FILES_OPEN_MAX files at once (others wait, and that is logged), 64 patterns,
 * AG_SPOOL_PLACES_MAX files that are remembered.
 */
#ifndef AGENT_CAPTURE_FILES_FILES_H
#define AGENT_CAPTURE_FILES_FILES_H

#include "agent/capture/redact/redact.h"
#include "agent/spool/spool_place.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/metric.h"

#define AG_FILES_OPEN_MAX 128

struct ag_files;

/* An ExportLogsServiceRequest with so many records, borrowed; to be kept together with its place.
 * Any error: it is tried again. */
typedef enum or_code ag_files_take_fn(
    void *arg, struct or_slice request, uint64_t records, const struct ag_spool_place *place);

struct ag_files_opt {
	struct or_loop *loop;
	const struct or_json *list;          /* of the configuration; NULL: none */
	struct ag_spool *spool;              /* whose places and fullness are looked at */
	struct ag_redact *redact;            /* NULL: nothing is taken out */
	const char *product;                 /* service.name */
	struct or_metric_registry *registry; /* outlives it */
	ag_files_take_fn *take;
	void *arg;
	int64_t rotate_ns; /* 0: 5 s */
	int64_t sweep_ns;  /* 0: 10 s */
};

/* OR_INVAL: which pattern, and what is wrong with it. OR_IO. */
OR_NODISCARD enum or_code ag_files_new(
    struct ag_files **out, const struct ag_files_opt *opt, struct or_err *err);
/* NULL does nothing. */
void ag_files_free(struct ag_files *f);

/* Other patterns from now on. Files that are read already stay open, where they were read to; those
 * that no pattern finds any more are read to their end, as rotated ones are. Errors as
 * ag_files_new's: nothing has changed then. */
OR_NODISCARD enum or_code ag_files_reload(
    struct ag_files *f, const struct or_json *list, struct or_err *err);

/* True where the last look found nothing to read. */
bool ag_files_is_idle(const struct ag_files *f);

#endif
