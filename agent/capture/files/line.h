/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line of a log file says, by the file's format.
 *
 *   plain    the line itself
 *   cri      Kubernetes' container runtime interface: TIME STREAM TAGS TEXT, tag P: a part
 *            (k8s.io/cri-client/pkg/logs)
 *   docker   json-file's {"log", "stream", "time"}; without a line feed in log: a part
 *
 * A line that is not of its format is taken as plain text: nothing is lost to a format.
 * Pure; any thread. Slices point into the line or the arena.
 */
#ifndef AGENT_CAPTURE_FILES_LINE_H
#define AGENT_CAPTURE_FILES_LINE_H

#include "base/arena.h"

enum ag_line_format { AG_LINE_PLAIN, AG_LINE_CRI, AG_LINE_DOCKER };

enum ag_line_stream { AG_LINE_NO_STREAM, AG_LINE_STDOUT, AG_LINE_STDERR, AG_LINE_STREAMS };

struct ag_line {
	int64_t time_ns; /* 0: it does not say */
	enum ag_line_stream stream;
	struct or_slice text;
	bool is_part;   /* the text goes on in the next line of that stream */
	bool is_misfit; /* not of its format: text is all of it */
};

/* line: without its line feed. a is used by docker alone; what does not fit it is a misfit. */
void ag_line_read(
    struct ag_line *out, enum ag_line_format format, struct or_slice line, struct or_arena *a);

#endif
