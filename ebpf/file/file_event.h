/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file's record in the ring; compiled for the kernel and for the decoder.
 *
 * bytes: names as in raw.h; with TAP_PATH_ASKED the text that the process passed, with NUL.
 */
#ifndef EBPF_FILE_FILE_EVENT_H
#define EBPF_FILE_FILE_EVENT_H

#include "ebpf/raw.h"

struct tap_raw_file {
	struct tap_raw_head head;
	uint64_t inode;  /* 0 where refused by name */
	uint32_t device; /* the kernel's number: major << 20 | minor */
	uint32_t mode;   /* type and permission, as stat's st_mode; 0 where refused by name */
	uint32_t open_flags;
	uint32_t error; /* errno: the opening was refused; 0: it succeeded */
	uint16_t path_n;
	uint16_t pad[3];
	char bytes[TAP_RAW_PATH + TAP_RAW_NAME];
};

#endif
