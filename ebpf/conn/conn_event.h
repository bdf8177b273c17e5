/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn's record in the ring; compiled for the kernel and for the decoder.
 *
 * Addresses are in network order, an IPv4 one in the first four bytes; ports in host order.
 */
#ifndef EBPF_CONN_CONN_EVENT_H
#define EBPF_CONN_CONN_EVENT_H

#include "ebpf/raw.h"

enum tap_conn_outcome {
	TAP_CONN_MADE,      /* established */
	TAP_CONN_FAILED,    /* error says why */
	TAP_CONN_ABANDONED, /* closed before an answer, or no local port was free */
	TAP_CONN_UNKNOWN,   /* with TAP_CONN_UNTRACKED */
	TAP_CONN_OUTCOMES,
};

#define TAP_CONN_INET  2
#define TAP_CONN_INET6 10

struct tap_raw_conn {
	struct tap_raw_head head; /* mono_ns: when connect began */
	uint64_t took_ns;         /* from there to the outcome */
	uint8_t local[16];
	uint8_t peer[16];
	uint16_t local_port;
	uint16_t peer_port;
	uint16_t family; /* TAP_CONN_INET or TAP_CONN_INET6, as Linux numbers them */
	uint16_t outcome;
	uint32_t error; /* errno, or 0 */
	uint32_t pad;
};

#endif
