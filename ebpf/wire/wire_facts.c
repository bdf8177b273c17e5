/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ebpf/wire/wire_impl.h"

#include <string.h>

struct tap_wire_facts *tap_wire_facts_new(size_t n)
{
	struct tap_wire_facts *f = or_mem_new(sizeof(*f) + n);

	f->refs = 1;
	return f;
}

void tap_wire_facts_put(struct tap_wire_facts *f, size_t room, bool write, const char *name)
{
	size_t n = strlen(name) + 2;

	if (n == 2)
		return;
	if (room - f->n < n) {
		f->cut = true;
		return;
	}
	f->text[f->n] = write ? 'w' : 'r';
	memcpy(f->text + f->n + 1, name, n - 1);
	f->n += n;
}

struct tap_wire_facts *tap_wire_facts_ref(struct tap_wire_facts *f)
{
	if (f)
		f->refs++;
	return f;
}

void tap_wire_facts_unref(struct tap_wire_facts *f)
{
	if (f && --f->refs == 0)
		or_mem_free(f);
}

void tap_wire_facts_tell(const struct tap_wire *w, const struct tap_wire_facts *f,
    const char *protocol, const char *name_space)
{
	struct tap_wire_access a = {.protocol = protocol, .name_space = name_space};

	if (!f)
		return;
	a.sure = w->late ? TAP_WIRE_GUESS : f->cut ? TAP_WIRE_PREFIX : TAP_WIRE_EXACT;
	for (size_t at = 0; at < f->n; at += strlen(f->text + at) + 1) {
		a.write = f->text[at] == 'w';
		a.name = f->text + at + 1;
		w->fn(w->arg, &a);
	}
}

void tap_wire_facts_push(struct tap_wire *w, int kind, uint32_t id, struct tap_wire_facts *facts)
{
	struct tap_wire_queue *q = &w->queue;

	if (!q->items)
		q->items = or_mem_array(TAP_WIRE_PENDING, sizeof(*q->items));
	if (q->n == TAP_WIRE_PENDING)
		tap_wire_facts_pop(w);
	q->items[(q->first + q->n++) % TAP_WIRE_PENDING] =
	    (struct tap_wire_pending){.facts = facts, .kind = kind, .id = id};
}

struct tap_wire_pending *tap_wire_facts_front(struct tap_wire *w)
{
	return w->queue.n ? &w->queue.items[w->queue.first] : NULL;
}

void tap_wire_facts_pop(struct tap_wire *w)
{
	struct tap_wire_queue *q = &w->queue;

	if (!q->n)
		return;
	tap_wire_facts_unref(q->items[q->first].facts);
	q->first = (q->first + 1) % TAP_WIRE_PENDING;
	q->n--;
}
