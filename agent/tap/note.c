/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/note.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MAGIC 0x4f54414eU

struct head {
	uint32_t magic;
	uint16_t type;
	uint16_t size; /* of what follows */
};

_Static_assert(sizeof(struct head) + sizeof(struct ag_note_seen) <= AG_NOTE_MAX, "a note's limit");
_Static_assert(
    sizeof(struct head) + sizeof(struct ag_note_dataset) <= AG_NOTE_MAX, "a note's limit");
_Static_assert(sizeof(struct head) + sizeof(struct ag_note_state) <= AG_NOTE_MAX, "a note's limit");
_Static_assert(sizeof(struct head) + sizeof(struct ag_note_loss) <= AG_NOTE_MAX, "a note's limit");

static size_t size_of(unsigned int type)
{
	switch (type) {
	case AG_NOTE_STATE: return sizeof(struct ag_note_state);
	case AG_NOTE_SEEN: return sizeof(struct ag_note_seen);
	case AG_NOTE_LOSS: return sizeof(struct ag_note_loss);
	case AG_NOTE_DATASET: return sizeof(struct ag_note_dataset);
	default: return 0;
	}
}

static enum or_code code_of_errno(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		return OR_FULL;
	return errno == EPIPE || errno == ECONNREFUSED || errno == ECONNRESET ? OR_CLOSED : OR_IO;
}

enum or_code ag_note_send(int fd, const struct ag_note *note)
{
	struct head head = {MAGIC, (uint16_t)note->type, (uint16_t)size_of(note->type)};
	struct iovec parts[] = {
	    {&head, sizeof(head)}, {(void *)(uintptr_t)&note->state, head.size}};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = OR_LEN(parts)};
	ssize_t n;

	OR_ASSERT(head.size);
	do
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? code_of_errno() : OR_OK;
}

enum or_code ag_note_receive(struct ag_note *out, int fd)
{
	uint8_t raw[AG_NOTE_MAX + 1];
	ssize_t n;

	do
		n = recv(fd, raw, sizeof(raw), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return OR_CLOSED;
	if (n < 0) {
		enum or_code rc = code_of_errno();

		return rc == OR_FULL ? OR_ABSENT : rc;
	}
	return ag_note_decode(out, or_slice(raw, (size_t)n));
}

static bool has_end(const char *text, size_t n)
{
	return memchr(text, 0, n) != NULL;
}

static bool is_state(const struct ag_note_state *s)
{
	for (size_t i = 0; i < TAP_KINDS; i++)
		if (s->probe[i].state >= TAP_STATES ||
		    !has_end(s->probe[i].hook, sizeof(s->probe[i].hook)))
			return false;
	return s->tier <= 1 && s->stopped <= 1 && has_end(s->why, sizeof(s->why)) &&
	       has_end(s->ended, sizeof(s->ended));
}

static bool is_seen(const struct ag_note_seen *s)
{
	return s->kind < TAP_KINDS && s->outcome < TAP_CONN_OUTCOMES && s->again <= 1 && s->count &&
	       s->time_ns && s->time_ns <= INT64_MAX && s->until_ns >= s->time_ns &&
	       s->until_ns <= INT64_MAX && has_end(s->program, sizeof(s->program)) &&
	       has_end(s->object, sizeof(s->object)) && has_end(s->extra, sizeof(s->extra));
}

static bool is_dataset(const struct ag_note_dataset *d)
{
	return d->write <= 1 && d->sure <= TAP_WIRE_GUESS &&
	       has_end(d->protocol, sizeof(d->protocol)) &&
	       has_end(d->name_space, sizeof(d->name_space)) && d->name_space[0] &&
	       has_end(d->name, sizeof(d->name)) && d->name[0];
}

enum or_code ag_note_decode(struct ag_note *out, struct or_slice raw)
{
	struct head head;

	if (raw.n < sizeof(head))
		return OR_PARSE;
	memcpy(&head, raw.p, sizeof(head));
	raw = or_slice_from(raw, sizeof(head));
	if (head.magic != MAGIC || !raw.n || head.size != raw.n || raw.n != size_of(head.type))
		return OR_PARSE;
	out->type = (enum ag_note_type)head.type;
	memcpy(&out->state, raw.p, raw.n);
	if (out->type == AG_NOTE_STATE)
		return is_state(&out->state) ? OR_OK : OR_PARSE;
	if (out->type == AG_NOTE_SEEN)
		return is_seen(&out->seen) ? OR_OK : OR_PARSE;
	if (out->type == AG_NOTE_DATASET)
		return is_dataset(&out->dataset) ? OR_OK : OR_PARSE;
	return OR_OK;
}
