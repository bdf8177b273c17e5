/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec's record in the ring; compiled for the kernel and for the decoder.
 *
 * bytes: path_n bytes of names (the program's file, see raw.h), name_n bytes of what execve was
 * given, with NUL, then args_n bytes of arguments, each ended by NUL unless cut.
 */
#ifndef EBPF_EXEC_EXEC_EVENT_H
#define EBPF_EXEC_EXEC_EVENT_H

#include "ebpf/raw.h"

#define TAP_EXEC_NAME 256U
#define TAP_EXEC_ARGS 1024U

struct tap_raw_exec {
	struct tap_raw_head head;
	uint16_t path_n;
	uint16_t name_n;
	uint16_t args_n;
	uint16_t pad;
	char bytes[TAP_RAW_PATH + TAP_RAW_NAME + TAP_EXEC_NAME + TAP_EXEC_ARGS];
};

#endif
