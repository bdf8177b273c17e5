/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets and personal data are taken out of telemetry before anything touches the disk.
 *
 * Kinds:
 *   card    13 to 19 digits, alone or in groups, of a payment network's range, with a right check
 *           digit (ISO/IEC 7812)
 *   mail    an address (RFC 5321, the dotted form)
 *   token   JSON web tokens (RFC 7519), credentials of Authorization fields, private keys in PEM,
 *           keys whose issuers gave them a recognisable form (AWS, GitHub, GitLab, Slack, Stripe,
 *           Google, npm), and what follows password=, secret:, "api_key": and the like
 *   iban    international bank account numbers with a right check (ISO 13616)
 * and patterns of one's own, POSIX extended. What matches becomes "[redacted:KIND]". An attribute
 * whose key says that its value is a secret loses it whole.
 *
 * One pass over the text; nothing is allocated where nothing matches. Works on bytes; what is
 * replaced is ASCII or a whole match, so UTF-8 stays UTF-8.
 * Thread: one at a time. Limits: AG_REDACT_PATTERNS_MAX patterns of one's own.
 */
#ifndef AGENT_CAPTURE_REDACT_REDACT_H
#define AGENT_CAPTURE_REDACT_REDACT_H

#include "base/buf.h"
#include "base/json.h"
#include "base/metric.h"
#include "base/opt.h"

#define AG_REDACT_PATTERNS_MAX 32

struct ag_redact;

struct ag_redact_opt {
	struct or_opt_list kinds;            /* "card", "mail", "token", "iban" */
	const struct or_json *patterns;      /* a list of {name, regex}; NULL: none */
	struct or_metric_registry *registry; /* NULL: nothing is counted */
};

/* OR_INVAL: a kind that there is not, a pattern that does not compile. */
OR_NODISCARD enum or_code ag_redact_new(
    struct ag_redact **out, const struct ag_redact_opt *opt, struct or_err *err);
/* Each does from now on what the other did: what borrows one goes on with the other's rules. */
void ag_redact_swap(struct ag_redact *a, struct ag_redact *b);
/* NULL does nothing. */
void ag_redact_free(struct ag_redact *r);

/* False: nothing matches, and out is untouched. True: out is cleared and holds the text without
 * what matched; it must have room for it (or_buf_ok). key: of an attribute; empty: there is none.
 */
bool ag_redact_text(
    struct ag_redact *r, struct or_buf *out, struct or_slice key, struct or_slice text);

#endif
