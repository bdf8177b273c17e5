/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap, for long-lived objects of one owner. The only callers of malloc are here.
 *
 * When the system has no memory left the process ends: what can grow has a budget of its own and
 * meets that first. Any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/def.h"

/* Zeroed memory, never NULL. */
void *or_mem_new(size_t n);
void *or_mem_array(size_t count, size_t size);

/* Grows or shrinks; new bytes are not zeroed. p may be NULL. */
void *or_mem_resize(void *p, size_t n);
void or_mem_free(void *p);

/* Gives freed memory back to the system: after set-up that needed much more than what stays, or
 * when work has ended. */
void or_mem_trim(void);
/* Keeps up to that many bytes of freed memory from then on (each pool of threads by itself), until
 * or_mem_trim: memory that comes from the system anew costs a fault a page. Before threads start.
 */
void or_mem_keep(size_t bytes);

/* A copy that ends in NUL. */
char *or_mem_strdup(const char *text);
char *or_mem_dup(struct or_slice s);

/* Overwrites n bytes in a way that the compiler keeps, for secrets. */
void or_mem_wipe(void *p, size_t n);

#endif
