/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing the texts of an OTLP request: values of attributes, bodies of logs, messages of a
 * status.
 *
 * The request is walked by its schema, and copied only where a text changes; everything else,
 * unknown fields too, comes out byte for byte. Names (of metrics, spans, keys) are left: they are
 * identifiers. Pure; any thread. The request has passed wire_otlp_check.
 */
#ifndef PROTO_OTLP_REWRITE_H
#define PROTO_OTLP_REWRITE_H

#include "proto/otlp.h"

/* A text, and the key of its attribute (empty: it has none). False: it stays. True: out was cleared
 * and holds what comes in its place. */
typedef bool wire_otlp_rewrite_fn(
    void *arg, struct or_buf *out, struct or_slice key, struct or_slice text);

/* False: nothing changed, and out is untouched. True: out was cleared and has the new request;
 * where its maximum is too small it is full. */
bool wire_otlp_rewrite(struct or_buf *out, enum wire_otlp_kind kind, struct or_slice in,
    wire_otlp_rewrite_fn *fn, void *arg);

#endif
