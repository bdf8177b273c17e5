/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment's record in the ring; compiled for the kernel and for the reader.
 */
#ifndef EBPF_STREAM_STREAM_EVENT_H
#define EBPF_STREAM_STREAM_EVENT_H

#include "ebpf/raw.h"

#define TAP_STREAM_BYTES 2048U

#define TAP_STREAM_OUT 0x1U /* it leaves the workload */
#define TAP_STREAM_SYN 0x2U /* the workload connects */
#define TAP_STREAM_END 0x4U /* FIN or RST */
#define TAP_STREAM_V6  0x8U

/* Both ends, as the workload sees them; network order, IPv4 in the first four bytes. */
struct tap_raw_ends {
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port; /* of the machine's order */
};

struct tap_raw_segment {
	uint32_t size; /* of the whole record */
	uint32_t flags;
	struct tap_raw_ends ends;
	uint32_t seq;     /* TCP's, of the first byte */
	uint32_t payload; /* bytes of it */
	uint32_t got;     /* of those, how many are here */
	uint8_t bytes[TAP_STREAM_BYTES];
};

#endif
