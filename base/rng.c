/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

void or_rng_fill(void *p, size_t n)
{
	uint8_t *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		OR_ASSERT(got > 0 || errno == EINTR);
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

/* Bytes that nobody has seen yet, of this thread. */
static _Thread_local struct {
	uint8_t bytes[1024];
	size_t left;
} pool;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/* Only the thread that forked lives on in the child. */
static void forget_pool(void)
{
	pool.left = 0;
}

static void watch_fork(void)
{
	OR_ASSERT(pthread_atfork(NULL, NULL, forget_pool) == 0);
}

void or_rng_id(void *p, size_t n)
{
	OR_ASSERT(n <= OR_RNG_ID_MAX);
	if (pool.left < n) {
		pthread_once(&fork_once, watch_fork);
		or_rng_fill(pool.bytes, sizeof(pool.bytes));
		pool.left = sizeof(pool.bytes);
	}
	pool.left -= n;
	memcpy(p, pool.bytes + pool.left, n);
	memset(pool.bytes + pool.left, 0, n);
}

uint64_t or_rng_u64(void)
{
	uint64_t v;

	or_rng_fill(&v, sizeof(v));
	return v;
}

void or_rng_uuid(char out[OR_RNG_UUID_LEN + 1])
{
	uint8_t b[16];

	or_rng_fill(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, OR_RNG_UUID_LEN + 1,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}
