/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/depot_file.h"

#include "base/crc32c.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/telemetry/depot.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>

static const uint8_t magic[] = "ORTEL\x01\r\n";
enum { MAGIC = 8, NUMBER = 10, DAY = 8 };

uint32_t co_depot_file_day(int64_t ns)
{
	struct or_buf text;
	uint64_t y = 0, m = 0, d = 0;

	or_buf_init(&text, 64);
	or_str_time(&text, ns);
	if (text.n < 10 || or_str_u64(&y, or_slice(text.p, 4)) ||
	    or_str_u64(&m, or_slice(text.p + 5, 2)) || or_str_u64(&d, or_slice(text.p + 8, 2)))
		y = m = d = 0;
	or_buf_done(&text);
	return (uint32_t)(y * 10000 + m * 100 + d);
}

void co_depot_file_name(char out[CO_DEPOT_FILE_NAME], uint64_t number, int64_t day_ns)
{
	OR_ASSERT(number <= 9999999999ULL);
	snprintf(out, CO_DEPOT_FILE_NAME, "%010" PRIu64 "-%08u.seg",
	    number % (uint64_t)10000000000ULL, co_depot_file_day(day_ns) % 100000000U);
}

bool co_depot_file_parse(uint64_t *number, uint32_t *day, const char *name)
{
	struct or_slice s = or_slice_str(name);
	uint64_t d;

	if (s.n != CO_DEPOT_FILE_NAME - 1 || s.p[NUMBER] != '-' || !or_str_has_suffix(s, ".seg") ||
	    or_str_u64(number, or_slice(s.p, NUMBER)) ||
	    or_str_u64(&d, or_slice(s.p + NUMBER + 1, DAY)))
		return false;
	*day = (uint32_t)d;
	return true;
}

void co_depot_file_path(char out[CO_DEPOT_FILE_PATH], const char *dir, const char *name)
{
	OR_ASSERT(snprintf(out, CO_DEPOT_FILE_PATH, "%s/%s", dir, name) < CO_DEPOT_FILE_PATH);
}

uint32_t co_depot_file_len(const uint8_t word[CO_DEPOT_WORD])
{
	uint32_t v;

	memcpy(&v, word, sizeof(v));
	return le32toh(v);
}

static uint32_t crc_of(const uint8_t word[CO_DEPOT_WORD], struct or_slice payload)
{
	return or_crc32c(or_crc32c(0, or_slice(word, 4)), payload);
}

void co_depot_file_word(uint8_t out[CO_DEPOT_WORD], struct or_slice payload)
{
	uint32_t len = htole32((uint32_t)payload.n), crc;

	memcpy(out, &len, sizeof(len));
	crc = htole32(crc_of(out, payload));
	memcpy(out + 4, &crc, sizeof(crc));
}

bool co_depot_file_check(const uint8_t word[CO_DEPOT_WORD], struct or_slice payload)
{
	uint32_t crc;

	memcpy(&crc, word + 4, sizeof(crc));
	return le32toh(crc) == crc_of(word, payload);
}

void co_depot_file_begin(struct or_buf *out, struct or_slice marks)
{
	uint8_t word[CO_DEPOT_WORD];

	co_depot_file_word(word, marks);
	or_buf_put(out, magic, MAGIC);
	or_buf_put(out, word, sizeof(word));
	or_buf_put_slice(out, marks);
}

static enum or_code read_payload(struct or_buf *payload, uint64_t offset, int fd,
    const uint8_t word[CO_DEPOT_WORD], size_t max, struct or_err *err)
{
	size_t n = co_depot_file_len(word), got = 0;
	uint8_t *to;
	enum or_code rc;

	if (n > max)
		return or_err_set(err, OR_CORRUPT, "a length of %zu at offset %" PRIu64, n, offset);
	or_buf_clear(payload);
	to = or_buf_reserve(payload, n);
	if (!to)
		return or_err_set(err, OR_CORRUPT, "a length of %zu at offset %" PRIu64, n, offset);
	rc = or_sys_pread(fd, to, n, offset + CO_DEPOT_WORD, &got, err);
	if (rc)
		return rc;
	or_buf_commit(payload, got);
	if (got < n || !co_depot_file_check(word, or_buf_slice(payload)))
		return or_err_set(err, OR_CORRUPT, "what lies at offset %" PRIu64 " %s", offset,
		    got < n ? "is cut short" : "has changed");
	return OR_OK;
}

enum or_code co_depot_file_head(struct or_buf *marks, uint64_t *end, int fd, struct or_err *err)
{
	uint8_t start[MAGIC + CO_DEPOT_WORD];
	size_t got;
	enum or_code rc = or_sys_pread(fd, start, sizeof(start), 0, &got, err);

	if (rc)
		return rc;
	if (got < sizeof(start) || memcmp(start, magic, MAGIC) != 0)
		return or_err_set(err, OR_CORRUPT, "not a segment");
	rc = read_payload(marks, MAGIC, fd, start + MAGIC, CO_DEPOT_HEAD_MAX, err);
	if (rc == OR_OK)
		*end = sizeof(start) + marks->n;
	return rc;
}

enum or_code co_depot_file_group(
    struct or_buf *payload, uint64_t *offset, int fd, struct or_err *err)
{
	uint8_t word[CO_DEPOT_WORD];
	size_t got;
	enum or_code rc = or_sys_pread(fd, word, sizeof(word), *offset, &got, err);

	if (rc)
		return rc;
	if (got == 0)
		return OR_ABSENT;
	if (got < sizeof(word))
		return or_err_set(err, OR_CORRUPT, "offset %" PRIu64 " is cut short", *offset);
	rc = read_payload(payload, *offset, fd, word, CO_DEPOT_GROUP_MAX, err);
	if (rc == OR_OK)
		*offset += CO_DEPOT_WORD + payload->n;
	return rc;
}
