/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and header of a depot's segments; inside collector/telemetry/ only. Blocking.
 */
#ifndef COLLECTOR_TELEMETRY_DEPOT_FILE_H
#define COLLECTOR_TELEMETRY_DEPOT_FILE_H

#include "base/buf.h"
#include "base/err.h"

#define CO_DEPOT_FILE_NAME 24 /* "0000000001-20261124.seg" and NUL */
#define CO_DEPOT_FILE_PATH 4096
#define CO_DEPOT_HEAD_MAX  (64U * 1024 * 1024)
#define CO_DEPOT_WORD      8 /* length and CRC in front of header and groups */

void co_depot_file_name(char out[CO_DEPOT_FILE_NAME], uint64_t number, int64_t day_ns);
/* False: not the name of a segment. *day: yyyymmdd. */
bool co_depot_file_parse(uint64_t *number, uint32_t *day, const char *name);
uint32_t co_depot_file_day(int64_t ns);
void co_depot_file_path(char out[CO_DEPOT_FILE_PATH], const char *dir, const char *name);

/* Puts magic, length, CRC and the marks. */
void co_depot_file_begin(struct or_buf *out, struct or_slice marks);
/* Reads the header of an open segment into *marks (cleared first); *end: the first group's offset.
 * OR_CORRUPT. */
OR_NODISCARD enum or_code co_depot_file_head(
    struct or_buf *marks, uint64_t *end, int fd, struct or_err *err);
/* Reads the group at the offset into *payload (cleared first) and moves the offset behind it.
 * OR_ABSENT: the end. OR_CORRUPT: cut short, or changed. */
OR_NODISCARD enum or_code co_depot_file_group(
    struct or_buf *payload, uint64_t *offset, int fd, struct or_err *err);

/* Length and CRC in front of a payload. */
void co_depot_file_word(uint8_t out[CO_DEPOT_WORD], struct or_slice payload);
bool co_depot_file_check(const uint8_t word[CO_DEPOT_WORD], struct or_slice payload);
uint32_t co_depot_file_len(const uint8_t word[CO_DEPOT_WORD]);

#endif
