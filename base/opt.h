/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options: one table per module drives the configuration file, the environment, the command line,
 * the checks, --help and the reference (base/opt_doc.h).
 *
 * Sources, each above the one before: the table's default; the YAML file, where "gate.listen" is
 * the key listen in the map gate; the environment's OUTRIDER_GATE_LISTEN; --gate.listen VALUE or
 * --gate.listen=VALUE (a boolean's VALUE may be left out).
 * Errors say where (file:line, the variable, the flag) and what would be right: the nearest name,
 * the allowed range. Secrets do not appear in messages.
 * Thread: any. Strings and trees land in the arena and live as long as it does. Targets are
 * untouched on failure. Limits: a file of OR_OPT_FILE_MAX bytes.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define OR_OPT_FILE_MAX (1024U * 1024)
#define OR_OPT_NAME_MAX 96

/* What the value is, and the C type at the option's offset. */
enum or_opt_type {
	OR_OPT_STR,      /* const char *; NULL where there is no default */
	OR_OPT_BOOL,     /* bool: true, false */
	OR_OPT_U64,      /* uint64_t */
	OR_OPT_I64,      /* int64_t */
	OR_OPT_DURATION, /* int64_t, ns: "250ms", "30s", "5m", "1h", "7d" */
	OR_OPT_BYTES,    /* uint64_t: "64KiB", "16MiB", 4096 */
	OR_OPT_PORT,     /* uint16_t: 0 to 65535 */
	OR_OPT_ADDR,     /* const char *: "host:port", "[::1]:port" */
	OR_OPT_ENUM,     /* int: the index of one of `choices` */
	OR_OPT_LIST,     /* struct or_opt_list: YAML sequence of strings; elsewhere by commas */
	OR_OPT_TREE,     /* const struct or_json *: any YAML that the module reads itself; elsewhere
			    JSON */
};

enum {
	OR_OPT_RELOAD = 1, /* takes effect without a restart */
	OR_OPT_SECRET = 2, /* never shown */
	OR_OPT_REQUIRED = 4,
};

struct or_opt_list {
	const char **items;
	size_t n;
};

struct or_opt {
	const char *name; /* "gate.listen" */
	enum or_opt_type type;
	unsigned int flags;
	size_t offset;
	int64_t min, max;    /* of numbers, durations, bytes; of the length of strings and lists;
				both 0: no limits of its own */
	const char *def;     /* as a flag's value; NULL: zero, or nothing */
	const char *choices; /* OR_OPT_ENUM: "strict|async" */
	const char *help;    /* one sentence */
};

struct or_opt_table {
	const struct or_opt *opts;
	size_t n_opts;
	void *target; /* the struct that the offsets are in */
	size_t size;  /* its size */
};

struct or_opt_set {
	const struct or_opt_table *tables;
	size_t n_tables;
};

/* In: where values come from; NULL and 0: not from there. */
struct or_opt_src {
	const char *file;  /* read where --config FILE and OUTRIDER_CONFIG don't name another */
	bool may_lack;     /* file need not exist (one that was named must) */
	char *const *env;  /* environ */
	char *const *argv; /* without the program's name */
	int argc;
};

/* Out. */
struct or_opt_seen {
	const char *file; /* the file that was read; NULL: none */
	bool help;        /* --help or -h was given; nothing else was checked */
	int rest;         /* index in argv of the first word that is no flag, or behind "--" */
	/* By table and option, where its value came from: "agent.yaml:7", "OUTRIDER_GATE_LISTEN",
	 * "--gate.listen"; NULL: the default. */
	const char *const *const *from;
};

/* OR_INVAL: a wrong key or value; OR_ABSENT: a file that was named, or a required value, is
 * missing; OR_PARSE, OR_FULL: the file. seen may be NULL. */
OR_NODISCARD enum or_code or_opt_load(const struct or_opt_set *set, const struct or_opt_src *src,
    struct or_arena *a, struct or_opt_seen *seen, struct or_err *err);

/* Splits "host:port" or "[v6]:port"; *host without the brackets. OR_PARSE: it is neither. */
OR_NODISCARD enum or_code or_opt_addr(struct or_slice *host, uint16_t *port, struct or_slice text);

/* OUTRIDER_GATE_LISTEN for "gate.listen". */
void or_opt_env_name(char out[OR_OPT_NAME_MAX], const char *name);

#endif
