/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/datasets.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>

struct dataset {
	char key[TAP_WIRE_NAMESPACE + TAP_WIRE_NAME + 4];
	struct ag_note note;
	bool told;
};

struct ag_datasets {
	ag_datasets_fn *fn;
	void *arg;
	struct or_map map;
	uint64_t crowded;
};

struct ag_datasets *ag_datasets_new(ag_datasets_fn *fn, void *arg)
{
	struct ag_datasets *d = or_mem_new(sizeof(*d));

	d->fn = fn;
	d->arg = arg;
	or_map_init(&d->map, AG_DATASETS_MAX);
	return d;
}

void ag_datasets_free(struct ag_datasets *d)
{
	struct or_map_entry *e;
	size_t at = 0;

	if (!d)
		return;
	while ((e = or_map_next(&d->map, &at)))
		or_mem_free(e->value);
	or_map_done(&d->map);
	or_mem_free(d);
}

static void tell(struct ag_datasets *d, struct dataset *s)
{
	s->told = d->fn(d->arg, &s->note) != OR_FULL;
}

void ag_datasets_put(struct ag_datasets *d, const struct tap_wire_access *access)
{
	char key[sizeof(((struct dataset *)0)->key)];
	struct ag_note_dataset *note;
	struct dataset *s;

	snprintf(key, sizeof(key), "%c %s %s", access->write ? 'w' : 'r', access->name_space,
	    access->name);
	s = or_map_find(&d->map, or_slice_str(key));
	if (s) {
		/* Seen from the beginning after all: surer than before. */
		if (access->sure < s->note.dataset.sure) {
			s->note.dataset.sure = access->sure;
			tell(d, s);
		}
		return;
	}
	s = or_mem_new(sizeof(*s));
	snprintf(s->key, sizeof(s->key), "%s", key);
	if (or_map_put(&d->map, or_slice_str(s->key), s) != OR_OK) {
		d->crowded++;
		or_mem_free(s);
		return;
	}
	s->note.type = AG_NOTE_DATASET;
	note = &s->note.dataset;
	note->write = access->write;
	note->sure = access->sure;
	snprintf(note->protocol, sizeof(note->protocol), "%s", access->protocol);
	snprintf(note->name_space, sizeof(note->name_space), "%s", access->name_space);
	snprintf(note->name, sizeof(note->name), "%s", access->name);
	tell(d, s);
}

bool ag_datasets_flush(struct ag_datasets *d)
{
	struct or_map_entry *e;
	size_t at = 0;

	while ((e = or_map_next(&d->map, &at))) {
		struct dataset *s = e->value;

		if (!s->told)
			tell(d, s);
		if (!s->told)
			return false;
	}
	return true;
}

void ag_datasets_again(struct ag_datasets *d)
{
	struct or_map_entry *e;
	size_t at = 0;

	while ((e = or_map_next(&d->map, &at)))
		((struct dataset *)e->value)->told = false;
}

uint64_t ag_datasets_take_crowded(struct ag_datasets *d)
{
	uint64_t n = d->crowded;

	d->crowded = 0;
	return n;
}
