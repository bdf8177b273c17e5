/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe for outgoing TCP connection: conn.bpf.c in the kernel, conn_event.h between.
 *
 * Pure: descriptor and decoder; the loader does the rest.
 */
#ifndef EBPF_CONN_CONN_H
#define EBPF_CONN_CONN_H

#include "ebpf/probe.h"

extern const struct tap_probe tap_conn_probe;

/* "127.0.0.1:5432" or "[::1]:5432": the peer's, or the local one (which is unknown, 0, where no
 * connection came about). */
#define TAP_CONN_ADDRESS 56
void tap_conn_address(char out[TAP_CONN_ADDRESS], const struct tap_conn *c, bool local);

#endif
