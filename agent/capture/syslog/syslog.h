/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog: messages of programs on this machine, over UDP, TCP and unix sockets, as OTLP log
 * records.
 *
 * A list of maps: listen, which is udp://IP:PORT, tcp://IP:PORT, unix:///path (datagrams, as
 * /dev/log) or unix-stream:///path. Formats and framing are told by themselves
 * (agent/capture/syslog/message.h, agent/capture/syslog/framing.h). Nobody is asked who they are,
 * so addresses are loopback ones. A record has the message's time and severity, host.name,
 * syslog.facility, syslog.appname, syslog.procid, syslog.msgid, and syslog.sd.<id>.<name> for
 * structured data; secrets are taken out first.
 *
 * Everything that one wake-up brought is one request to the spool. While that has no room nothing
 * is read: TCP and unix senders wait, and of UDP the kernel sheds what its buffer cannot hold,
 * which is counted. Thread: the loop's. Limits: AG_SYSLOG_LISTENERS_MAX sockets,
 * AG_SYSLOG_CONNS_MAX connections, AG_FRAMING_MAX bytes of a message, beyond which it is cut and
 * says so.
 */
#ifndef AGENT_CAPTURE_SYSLOG_SYSLOG_H
#define AGENT_CAPTURE_SYSLOG_SYSLOG_H

#include "agent/capture/redact/redact.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "base/metric.h"

#define AG_SYSLOG_LISTENERS_MAX 16
#define AG_SYSLOG_CONNS_MAX     128

struct ag_syslog;

/* An ExportLogsServiceRequest with so many records, borrowed. Any error: it is tried again. */
typedef enum or_code ag_syslog_take_fn(void *arg, struct or_slice request, uint64_t records);

struct ag_syslog_opt {
	struct or_loop *loop;
	const struct or_json *list;          /* of the configuration */
	struct ag_redact *redact;            /* NULL: nothing is taken out */
	const char *product;                 /* service.name */
	struct or_metric_registry *registry; /* outlives it */
	ag_syslog_take_fn *take;
	void *arg;
};

/* OR_INVAL, OR_DENIED (no loopback), OR_BUSY: which one, and why. OR_IO. */
OR_NODISCARD enum or_code ag_syslog_new(
    struct ag_syslog **out, const struct ag_syslog_opt *opt, struct or_err *err);
/* What came and is not in the spool yet goes there, where there is room. NULL does nothing. */
void ag_syslog_free(struct ag_syslog *s);

/* Puts the member "syslog", a list of addresses, into the object that is open. */
void ag_syslog_put_status(const struct ag_syslog *s, struct or_jsonw *w);

#endif
