/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper: takes what is durable in the spool to the collector, in signed frames over a link
 * (agent/ship/link.h: HTTP or Kafka), and acknowledges it in the spool when it arrived for good.
 *
 * Per stream, with one batch in flight:
 *
 *	idle ─durable─▶ linger ─▶ sending ─ok─▶ acknowledged: idle, or at once the next batch
 *	                             │ no answer, or "later": all streams wait, longer each time
 *	                             │ refused: kept, tried again at retry_max_ns
 *	                             ▼ and when ag_ship_wake says that something changed
 *	                           waiting ─▶ sending
 *
 * What was sent may be sent again (a lost answer, a restart): the collector knows it by its number.
 * Nothing is ever dropped here. A stream with nothing to say sends an empty frame per heartbeat_ns.
 * Over a bare link each record goes by itself, in a frame of its own, a batch of them at once; the
 * batch is acknowledged when all have arrived, and after a refusal they go one by one.
 *
 * Thread: the loop's. Borrows the spool and the link (whose watcher it is) and the key.
 * Limits: batch_bytes and batch_records a batch; memory for one batch per stream while it is sent.
 */
#ifndef AGENT_SHIP_SHIP_H
#define AGENT_SHIP_SHIP_H

#include "agent/ship/link.h"
#include "agent/spool/spool.h"
#include "base/crypto.h"
#include "base/metric.h"

#define AG_SHIP_ERROR_MAX 256

struct ag_ship;

struct ag_ship_opt {
	struct or_loop *loop;
	struct ag_spool *spool;
	const struct ag_link *link;
	const struct or_crypto_key *key;    /* the agent's private key */
	struct or_slice (*cert)(void *arg); /* the encoded certificate; empty: none yet */
	void *cert_arg;
	struct or_metric_registry *metrics; /* NULL: none; not to be written after ag_ship_free */
	size_t batch_bytes;                 /* 0: 256 KiB; at most 4 MiB */
	size_t batch_records;               /* 0: 1,000, 50 if bare; at most 10,000 */
	int64_t linger_ns;                  /* how long a batch may grow; 0: 50 ms */
	int64_t heartbeat_ns;               /* 0: 30 s */
	int64_t retry_min_ns;               /* doubled each time, with jitter; 0: 100 ms */
	int64_t retry_max_ns;               /* 0: 30 s */
};

/* Begins by itself. OR_INVAL: an option. opt is copied. */
OR_NODISCARD enum or_code ag_ship_new(
    struct ag_ship **out, const struct ag_ship_opt *opt, struct or_err *err);
/* Cancels what is in flight. NULL does nothing. */
void ag_ship_free(struct ag_ship *ship);

/* Something changed (a certificate came, the collector is said to be back): tries at once. */
void ag_ship_wake(struct ag_ship *ship);

enum ag_ship_state {
	AG_SHIP_IDLE,        /* nothing was sent yet */
	AG_SHIP_NO_CERT,     /* waits for a certificate */
	AG_SHIP_CONNECTED,   /* the last exchange went well */
	AG_SHIP_UNREACHABLE, /* no answer, or one that says later */
	AG_SHIP_REFUSED,     /* a batch is refused: somebody must look */
};
/* "idle", "no_cert", "connected", "unreachable", "refused". */
const char *ag_ship_state_name(enum ag_ship_state state);

struct ag_ship_info {
	const char *link, *peer; /* the link's, borrowed */
	enum ag_ship_state state;
	int64_t since_ns;   /* wall clock: when that state began; 0: from the start */
	int64_t last_ok_ns; /* wall clock: the last acknowledgement; 0: never */
	uint64_t pending;   /* records that the collector has not acknowledged */
	uint64_t batches;   /* acknowledged */
	uint64_t records;
	uint64_t heartbeats;
	uint64_t failures; /* exchanges that ended without an answer, or in "later" */
	uint64_t refusals;
	char error[AG_SHIP_ERROR_MAX]; /* the last one, while the state is not connected */
};
void ag_ship_get_info(struct ag_ship_info *out, const struct ag_ship *ship);

#endif
