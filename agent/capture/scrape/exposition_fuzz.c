/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, in both formats: what is taken is whole, and OpenMetrics keeps its promises. */
#include "agent/capture/scrape/exposition.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ag_exposition *e, enum ag_exposition_format format)
{
	size_t families = 0, samples = 0;

	for (const struct ag_exposition_family *f = e->families; f; f = f->next, families++) {
		size_t n = 0;

		OR_ASSERT(f->name.n && f->type < AG_EXPOSITION_TYPES);
		for (const struct ag_exposition_sample *s = f->samples; s; s = s->next, n++) {
			OR_ASSERT(s->labels.n <= AG_EXPOSITION_LABELS_MAX);
			if (format == AG_EXPOSITION_OPENMETRICS &&
			    f->type == AG_EXPOSITION_COUNTER && s->suffix == AG_EXPOSITION_TOTAL)
				OR_ASSERT(s->point.value >= 0);
		}
		OR_ASSERT(n == f->n_samples);
		samples += n;
	}
	OR_ASSERT(families == e->n_families && samples == e->n_samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1 << 22);

	for (int format = 0; format <= AG_EXPOSITION_OPENMETRICS; format++) {
		struct ag_exposition e;
		struct or_err err;

		or_arena_clear(a);
		if (ag_exposition_parse(&e, or_slice(data, size), (enum ag_exposition_format)format,
			a, &err) == OR_OK)
			check(&e, (enum ag_exposition_format)format);
	}
	or_arena_free(a);
	return 0;
}
