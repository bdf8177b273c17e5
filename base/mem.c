/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

OR_NORETURN static void die(size_t n)
{
	fprintf(stderr, "out of memory: %zu bytes were refused\n", n);
	abort();
}

void *or_mem_new(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		die(n);
	return p;
}

void *or_mem_array(size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		die(SIZE_MAX);
	return or_mem_new(n);
}

void *or_mem_resize(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		die(n);
	return q;
}

void or_mem_free(void *p)
{
	free(p);
}

char *or_mem_dup(struct or_slice s)
{
	char *p = or_mem_new(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

char *or_mem_strdup(const char *text)
{
	return or_mem_dup(or_slice_str(text));
}

void or_mem_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

void or_mem_trim(void)
{
	malloc_trim(0);
}

void or_mem_keep(size_t bytes)
{
	int n = bytes > INT_MAX ? INT_MAX : (int)bytes;

	mallopt(M_MMAP_THRESHOLD, n);
	mallopt(M_TRIM_THRESHOLD, n);
}
