/* SPDX-License-Identifier: Apache-2.0 */
/* What looking for secrets costs on lines that have none, and on lines that have one each. */
#include "agent/capture/redact/redact.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 40000 };

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void measure(struct ag_redact *r, const char *name, const char *line)
{
	struct or_slice text = or_slice_str(line);
	struct or_buf out;
	double begin = cpu_ms(), took;
	size_t found = 0;

	or_buf_init(&out, 4096);
	for (int i = 0; i < ROUNDS; i++)
		found += ag_redact_text(r, &out, OR_SLICE_NONE, text);
	took = cpu_ms() - begin;
	printf("{\"bench\":\"redact\",\"case\":\"%s\",\"line_bytes\":%zu,\"found\":%s,"
	       "\"cpu_ms_per_mib\":%.3f}\n",
	    name, text.n, found ? "true" : "false",
	    took / ((double)text.n * ROUNDS / (1024 * 1024)));
	or_buf_done(&out);
}

int main(void)
{
	static const char *items[] = {"card", "iban", "mail", "token"};
	struct ag_redact_opt opt = {.kinds = {items, OR_LEN(items)}};
	struct ag_redact *r;
	struct or_err err;

	if (ag_redact_new(&r, &opt, &err))
		return 1;
	measure(r, "access log",
	    "127.0.0.1 - - [24/Nov/2026:16:46:01 +0000] \"GET /orders?country=NL&limit=20 "
	    "HTTP/1.1\" 200 "
	    "5316 \"-\" \"python-requests/2.31.0\" request_time=0.004 upstream=127.0.0.1:8080 "
	    "trace=0af7651916cd43dd8448eb211c80319c cache=miss host=orders.example");
	measure(r, "json log",
	    "{\"time\":\"2026-11-24T16:46:01.123456Z\",\"level\":\"info\",\"logger\":\"com.shop."
	    "orders.Repo"
	    "sitory\",\"message\":\"selected rows from the table of orders for a customer, product "
	    "and "
	    "price "
	    "list\",\"rows\":48,\"took_ms\":12,\"thread\":\"pool-3-thread-7\",\"host\":\"orders-"
	    "1\"}");
	measure(r, "a mail in each",
	    "INFO checkout of jan@example.org done, 3 items, 59.97 EUR, order o-1006");
	ag_redact_free(r);
	return 0;
}
