/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probes' programs as the build embeds them: one ELF file for the kernel each, made from
 * x/x.bpf.c by clang (tools/cmake/bpf.cmake). Empty slices where the build has OR_BPF off.
 */
#ifndef EBPF_OBJECT_H
#define EBPF_OBJECT_H

#include "base/def.h"

extern const struct or_slice tap_object_scope;
extern const struct or_slice tap_object_look;
extern const struct or_slice tap_object_stream;
extern const struct or_slice tap_object_exec;
extern const struct or_slice tap_object_conn;
extern const struct or_slice tap_object_file;

#endif
