/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ebpf/wire/wire_impl.h"

static void clear(struct tap_wire_statement *s)
{
	tap_wire_facts_unref(s->facts);
	or_mem_free(s->name);
	*s = (struct tap_wire_statement){.used = 0};
}

static struct tap_wire_statement *find(const struct tap_wire_statements *list, struct or_slice name)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].name && or_slice_is(name, list->items[i].name))
			return &list->items[i];
	return NULL;
}

void tap_wire_statements_put(struct tap_wire_statements *list, size_t room, struct or_slice name,
    struct tap_wire_facts *facts)
{
	struct tap_wire_statement *s, *oldest;

	if (!list->items) {
		list->items = or_mem_array(room, sizeof(*list->items));
		list->n = room;
	}
	s = find(list, name);
	oldest = list->items;
	for (size_t i = 1; i < list->n; i++) /* a free one has not been used at all */
		if (list->items[i].used < oldest->used)
			oldest = &list->items[i];
	if (!s)
		s = oldest;
	clear(s);
	s->name = or_mem_new(name.n + 1);
	if (name.n)
		memcpy(s->name, name.p, name.n);
	s->facts = facts;
	s->used = ++list->clock;
}

struct tap_wire_facts *tap_wire_statements_get(
    struct tap_wire_statements *list, struct or_slice name)
{
	struct tap_wire_statement *s = find(list, name);

	if (!s)
		return NULL;
	s->used = ++list->clock;
	return tap_wire_facts_ref(s->facts);
}

void tap_wire_statements_drop(struct tap_wire_statements *list, struct or_slice name)
{
	struct tap_wire_statement *s = find(list, name);

	if (s)
		clear(s);
}

void tap_wire_statements_done(struct tap_wire_statements *list)
{
	for (size_t i = 0; i < list->n; i++)
		clear(&list->items[i]);
	or_mem_free(list->items);
	*list = (struct tap_wire_statements){.n = 0};
}
