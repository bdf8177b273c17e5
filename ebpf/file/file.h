/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe for file opening: file.bpf.c in the kernel, file_event.h between.
 *
 * Pure: descriptor and decoder; the loader does the rest.
 */
#ifndef EBPF_FILE_FILE_H
#define EBPF_FILE_FILE_H

#include "ebpf/probe.h"

extern const struct tap_probe tap_file_probe;

#endif
