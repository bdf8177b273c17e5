/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/signed.h"

#include <endian.h>

void wire_signed_put(struct or_buf *b, struct or_slice s)
{
	uint32_t n = htobe32((uint32_t)s.n);

	OR_ASSERT(s.n <= UINT32_MAX);
	or_buf_put(b, &n, sizeof(n));
	or_buf_put_slice(b, s);
}

void wire_signed_put_u64(struct or_buf *b, uint64_t v)
{
	v = htobe64(v);
	wire_signed_put(b, or_slice(&v, sizeof(v)));
}

void wire_signed_begin(struct or_buf *b, const char *domain)
{
	or_buf_init(b, 4 * 65536);
	wire_signed_put(b, or_slice_str(domain));
}
