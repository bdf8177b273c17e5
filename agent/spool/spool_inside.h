/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of agent/spool share; nobody else includes it.
 *
 *	spool.c          open, close, streams, append, rolling to the next segment
 *	spool_sync.c     the one job in flight on the slow thread: fdatasync, state file, unlink
 *	spool_recover.c  what open finds: segments, torn tails, damage, the epoch
 *	spool_state.c    the state file: two checked slots, written in turn
 *	spool_read.c     batches for the shipper, and acknowledgements
 *	spool_place.c    how far sources have been read
 *	spool_look.c     a directory looked at without opening it
 *	spool_repair.c   damage taken out of the files
 *	segment.c        the format of segments
 */
#ifndef AGENT_SPOOL_SPOOL_INSIDE_H
#define AGENT_SPOOL_SPOOL_INSIDE_H

#include "agent/spool/segment.h"
#include "agent/spool/spool_place.h"
#include "base/sys.h"

#define AG_SPOOL_PATH_MAX 4096
#define AG_SPOOL_BAD_MAX  8 /* *.bad files that are kept */
#define AG_SPOOL_WINDOW   (64 * 1024)

struct spool_segment {
	struct spool_segment *next;
	struct ag_segment_head head;
	int fd; /* -1: sealed and durable; opened for reading as needed */
	uint64_t end;
	uint64_t synced;   /* durable up to here; <= end */
	uint64_t declared; /* bit per stream: its declaration is here */
	bool is_broken; /* bytes behind end that could not be cut: nothing is appended any more */
	uint32_t last_end[AG_SPOOL_STREAMS_MAX]; /* end of each stream's last entry; 0: none */
};

struct spool_stream {
	char *name;
	uint64_t next_seq;
	uint64_t prev_seq; /* its last number in the previous epoch */
	struct ag_spool_mark acked;
	uint64_t pending;
	uint64_t pending_bytes;
};

/* Of the last entry that holds one for its id. */
struct spool_place {
	uint64_t segment, end; /* that entry's */
	uint8_t n;
	uint8_t bytes[AG_SPOOL_PLACE_ID + AG_SPOOL_PLACE_MAX];
};

struct spool_job;

struct ag_spool {
	struct ag_spool_opt opt;
	char *dir;
	int lock_fd;
	int state_fd;
	uint64_t state_generation; /* of the slot written last */
	uint64_t epoch;
	uint64_t prev_epoch;
	uint64_t next_number;
	struct spool_segment *first; /* in the order of numbers */
	struct spool_segment *last;  /* the active one, where is_active */
	bool is_active;
	bool is_dir_dirty; /* a segment was made since the directory's last fsync */
	bool is_stuck;     /* entries of a failed sync could not be written anew: no appends */
	struct spool_stream streams[AG_SPOOL_STREAMS_MAX];
	size_t n_streams;
	struct spool_place *places; /* AG_SPOOL_PLACES_MAX; NULL: nothing has one yet */
	size_t n_places;
	uint64_t bytes;
	struct or_buf scratch; /* entries on their way into the file */
	struct or_buf window;  /* entries on their way out */

	struct spool_job *job;       /* in flight, or NULL */
	struct ag_spool_wait *waits; /* by ticket */
	struct ag_spool_wait **last_wait;
	uint64_t ticket; /* of the latest wait */
	struct or_loop_timer *sync_timer;
	struct or_loop_timer *state_timer;
	bool is_state_due;
	or_loop_fn *watch_fn;
	void *watch_arg;
	struct ag_spool_info info; /* its counters; the rest is filled in when asked for */
};

/* -- spool.c -- */

/* "<dir>/<16 hex digits>.seg" */
void ag_spool_segment_path(
    char out[AG_SPOOL_PATH_MAX], const struct ag_spool *spool, uint64_t number);
/* Puts it behind the others. */
void ag_spool_add_segment(struct ag_spool *spool, struct spool_segment *seg);
/* Appends without judging: no quota, no numbering. */
OR_NODISCARD enum or_code ag_spool_write(
    struct ag_spool *spool, const struct ag_segment_entry *e, struct or_err *err);
/* As ag_spool_append, of any entry but a declaration. */
OR_NODISCARD enum or_code ag_spool_append_entry(
    struct ag_spool *spool, const struct ag_segment_entry *e);
/* Makes the next segment the active one, all streams declared in it. */
OR_NODISCARD enum or_code ag_spool_roll(struct ag_spool *spool, struct or_err *err);
/* Numbers and declares a stream in memory; its id is its place. NULL: too many. */
struct spool_stream *ag_spool_add_stream(struct ag_spool *spool, struct or_slice name);

/* -- spool_place.c -- */

bool ag_spool_place_has_room(const struct ag_spool *spool, const uint8_t id[AG_SPOOL_PLACE_ID]);
/* place: id and value, as they lie in the entry that ends there. An older entry than the one that
 * is known, or one too many, changes nothing. */
void ag_spool_place_set(
    struct ag_spool *spool, struct or_slice place, uint64_t segment, uint64_t end);

/* -- spool_sync.c -- */

/* Starts the background timer, where nothing is under way that would do. */
void ag_spool_sync_later(struct ag_spool *spool);
/* The state changed; now: a segment waits to be unlinked. */
void ag_spool_sync_state(struct ag_spool *spool, bool now);
/* Waits for the job in flight and forgets about its completion; cancels timers and waiters. */
void ag_spool_sync_stop(struct ag_spool *spool);
/* The first segment that every stream has passed, or NULL. */
struct spool_segment *ag_spool_sync_removable(const struct ag_spool *spool);

/* -- spool_recover.c -- */

/* Reads state and segments into an empty spool whose directory is locked. */
OR_NODISCARD enum or_code ag_spool_recover(struct ag_spool *spool, struct or_err *err);
/* The number of "<16 hex digits>.seg". */
bool ag_spool_recover_number(uint64_t *number, const char *name);
/* Zeros alone lie in [from, to). */
bool ag_spool_recover_is_blank(int fd, uint64_t from, uint64_t to);
/* The bytes from `end` on are what a write leaves that never came to its end. */
bool ag_spool_recover_is_torn(const struct spool_segment *seg, uint64_t end, uint64_t size);

/* -- spool_read.c -- */

/* Calls fn for each entry in [from, to) of the segment, damaged ranges left out and counted in
 * *damaged. fn returns false to stop. *end: where it came to a stop. */
typedef bool ag_spool_read_fn(void *arg, const struct ag_segment_entry *e, uint64_t end);
OR_NODISCARD enum or_code ag_spool_read_segment(struct ag_spool *spool,
    const struct spool_segment *seg, uint64_t from, uint64_t to, ag_spool_read_fn *fn, void *arg,
    uint64_t *end, uint64_t *damaged, struct or_err *err);

#endif
