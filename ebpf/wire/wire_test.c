/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/wire/wire.h"

#include "base/buf.h"
#include "tests/support/support.h"

static struct tap_wire *wire;
static struct tap_wire_topics *topics;
static struct or_buf seen;
static struct or_buf msg;
static bool bytewise;

static void on_access(void *arg, const struct tap_wire_access *a)
{
	static const char *const sure[] = {"", " prefix", " guess"};

	(void)arg;
	or_buf_printf(&seen, "%s %s %s%s\n", a->write ? "write" : "read", a->name_space, a->name,
	    sure[a->sure]);
}

static void open_wire(bool late)
{
	tap_wire_free(wire);
	wire = tap_wire_new(&(struct tap_wire_opt){
	    .server = "db:1", .late = late, .topics = topics, .fn = on_access});
	or_buf_clear(&seen);
}

static int start(void **state)
{
	(void)state;
	or_buf_init(&seen, OR_MIB);
	or_buf_init(&msg, OR_MIB);
	topics = tap_wire_topics_new();
	wire = NULL;
	bytewise = false;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tap_wire_free(wire);
	tap_wire_topics_free(topics);
	or_buf_done(&seen);
	or_buf_done(&msg);
	return 0;
}

static void feed(bool client, struct or_slice s)
{
	if (!bytewise)
		tap_wire_feed(wire, client, s);
	for (size_t i = 0; bytewise && i < s.n; i++)
		tap_wire_feed(wire, client, or_slice(s.p + i, 1));
}

static void saw(const char *want)
{
	assert_string_equal(or_buf_text(&seen), want);
	or_buf_clear(&seen);
}

static void put(uint64_t v, size_t bytes)
{
	while (bytes--)
		or_buf_put_byte(&msg, (uint8_t)(bytes < 8 ? v >> 8 * bytes : 0));
}

/* ---- PostgreSQL */

static void pg(bool client, char type, const char *text, size_t n)
{
	or_buf_clear(&msg);
	or_buf_put_byte(&msg, (uint8_t)type);
	put(n + 4, 4);
	or_buf_put(&msg, text, n);
	feed(client, or_buf_slice(&msg));
}

#define PG(client, type, text) pg(client, type, text, sizeof(text) - 1)

static void pg_start(void)
{
	static const char params[] = "user\0ann\0database\0shop\0";

	or_buf_clear(&msg);
	put(8, 4);
	put(80877103, 4);
	feed(true, or_buf_slice(&msg));
	feed(false, OR_SLICE_LIT("N"));
	or_buf_clear(&msg);
	put(8 + sizeof(params), 4);
	put(3 << 16, 4);
	or_buf_put(&msg, params, sizeof(params));
	feed(true, or_buf_slice(&msg));
	PG(false, 'R', "\0\0\0\0");
	PG(false, 'Z', "I");
}

static void pg__tells_what_was_done(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		bytewise = i;
		open_wire(false);
		pg_start();
		assert_string_equal(tap_wire_protocol(wire), "postgres");
		PG(true, 'Q', "INSERT INTO s.B SELECT * FROM a JOIN \"C\" USING (x)\0");
		saw("");
		PG(false, 'C', "INSERT 0 7\0");
		saw("read postgres://db:1 shop.public.a\nread postgres://db:1 shop.public.C\n"
		    "write postgres://db:1 shop.s.b\n");
		PG(false, 'Z', "I");
		/* A statement that failed touched nothing. */
		PG(true, 'Q', "SELECT * FROM absent\0");
		PG(false, 'E', "SERROR\0\0");
		PG(false, 'Z', "I");
		PG(true, 'Q', "SELECT * FROM pg_class, pg_catalog.x, information_schema.y\0");
		PG(false, 'C', "SELECT 1\0");
		PG(false, 'Z', "I");
		saw("");
		PG(true, 'Q', "SET search_path TO mart, public\0");
		PG(false, 'C', "SET\0");
		PG(false, 'Z', "I");
		PG(true, 'Q', "SELECT * FROM d\0");
		PG(false, 'C', "SELECT 1\0");
		saw("read postgres://db:1 shop.mart.d\n");
	}
}

static void pg__follows_prepared_statements(void **state)
{
	(void)state;
	open_wire(false);
	pg_start();
	PG(true, 'P', "one\0SELECT * FROM a WHERE x = $1\0\0\0");
	PG(true, 'P', "two\0DELETE FROM b\0\0\0");
	PG(true, 'S', "");
	PG(false, 'Z', "I");
	saw("");
	for (int i = 0; i < 2; i++) {
		PG(true, 'B', "\0one\0\0\0\0\0\0\0");
		PG(true, 'E', "\0\0\0\0\0");
		PG(true, 'B', "\0two\0\0\0\0\0\0\0");
		PG(true, 'E', "\0\0\0\0\0");
		PG(true, 'S', "");
		PG(false, 'C', "SELECT 1\0");
		saw("read postgres://db:1 shop.public.a\n");
		/* The second one fails the first time. */
		if (i)
			PG(false, 'C', "DELETE 1\0");
		else
			PG(false, 'E', "x\0");
		saw(i ? "write postgres://db:1 shop.public.b\n" : "");
		PG(false, 'Z', "I");
	}
}

static void pg__gives_up_where_it_is_encrypted(void **state)
{
	(void)state;
	open_wire(false);
	or_buf_clear(&msg);
	put(8, 4);
	put(80877103, 4);
	feed(true, or_buf_slice(&msg));
	feed(false, OR_SLICE_LIT("S"));
	assert_false(tap_wire_is_of_use(wire));
}

static void pg__is_understood_late_and_after_gaps(void **state)
{
	(void)state;
	open_wire(true);
	PG(true, 'Q', "SELECT * FROM a.b\0");
	PG(false, 'C', "SELECT 1\0");
	PG(false, 'Z', "I");
	saw("read postgres://db:1 a.b guess\n");
	/* A row too long to be seen whole, and more of them. */
	or_buf_clear(&msg);
	or_buf_put_byte(&msg, 'D');
	put(100000, 4);
	feed(false, or_buf_slice(&msg));
	tap_wire_gap(wire, false, 100000 - 4);
	PG(true, 'Q', "SELECT * FROM c.d\0");
	PG(false, 'C', "SELECT 1\0");
	PG(false, 'Z', "I");
	saw("read postgres://db:1 c.d guess\n");
	/* The middle of something: the next piece that begins like a message is one. */
	tap_wire_gap(wire, false, 12345);
	feed(false, OR_SLICE_LIT("\1\2\3\4\5\6\7\10\11"));
	PG(true, 'Q', "SELECT * FROM e.f\0");
	PG(false, 'Z', "I");
	PG(true, 'Q', "SELECT * FROM g.h\0");
	PG(false, 'C', "SELECT 1\0");
	saw("read postgres://db:1 g.h guess\n");
	assert_true(tap_wire_is_of_use(wire));
}

/* ---- Kafka */

static size_t kafka_begin(unsigned int key, unsigned int version, bool flexible)
{
	or_buf_clear(&msg);
	put(0, 4);
	put(key, 2);
	put(version, 2);
	put(77, 4);
	put(3, 2);
	or_buf_put_str(&msg, "app");
	if (flexible)
		put(0, 1);
	return 0;
}

static void kafka_send(bool client)
{
	size_t n = msg.n - 4;

	for (size_t i = 0; i < 4; i++)
		msg.p[i] = (uint8_t)(n >> 8 * (3 - i));
	feed(client, or_buf_slice(&msg));
}

static void put_text(const char *text, bool flexible)
{
	put(strlen(text) + flexible, flexible ? 1 : 2);
	or_buf_put_str(&msg, text);
}

static void kafka__reads_names_in_old_requests(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		bytewise = i;
		open_wire(false);
		kafka_begin(0, 7, false);
		put(0xffff, 2); /* no transaction */
		put(1, 2);
		put(1000, 4);
		put(2, 4);
		for (int k = 0; k < 2; k++) {
			put_text(k ? "pay.ments" : "orders", false);
			put(1, 4);
			put(0, 4);
			put(5, 4);
			or_buf_put_str(&msg, "bytes");
		}
		kafka_send(true);
		assert_string_equal(tap_wire_protocol(wire), "kafka");
		saw("write kafka://db:1 orders\nwrite kafka://db:1 pay.ments\n");
		kafka_begin(1, 11, false);
		put(UINT32_MAX, 4);
		put(500, 4);
		put(1, 4);
		put(1 << 20, 4);
		put(0, 1);
		put(0, 8);
		put(2, 4);
		for (int k = 0; k < 2; k++) {
			put_text(k ? "__consumer_offsets" : "orders", false);
			put(1, 4);
			put(0, 4 + 4 + 8 + 8 + 4);
		}
		kafka_send(true);
		saw("read kafka://db:1 orders\n");
	}
}

static void put_fetch_13(void)
{
	kafka_begin(1, 13, true);
	put(UINT32_MAX, 4);
	put(500, 4);
	put(1, 4);
	put(1 << 20, 4);
	put(0, 1);
	put(0, 8);
	put(2, 1); /* one topic */
	put(0x0102030405060708, 8);
	put(0x1112131415161718, 8);
	put(2, 1);
	put(0, 4 + 4 + 8 + 4 + 8 + 4);
	put(0, 1);
	put(0, 1);
	kafka_send(true);
}

static void kafka__finds_names_for_ids(void **state)
{
	(void)state;
	open_wire(false);
	put_fetch_13();
	saw("read kafka://db:1 topic-id:01020304-0506-0708-1112-131415161718\n");
	kafka_begin(3, 12, true);
	put(0, 4);
	kafka_send(true);
	or_buf_clear(&msg);
	put(0, 4);
	put(77, 4);
	put(0, 1);
	put(0, 4);
	put(2, 1); /* one broker */
	put(1, 4);
	put_text("host", true);
	put(9092, 4);
	put(0, 1);
	put(0, 1);
	put_text("cluster", true);
	put(1, 4);
	put(2, 1);
	put(0, 2);
	put_text("orders", true);
	put(0x0102030405060708, 8);
	put(0x1112131415161718, 8);
	kafka_send(false);
	put_fetch_13();
	saw("read kafka://db:1 orders\n");
	/* Another connection of the same workload knows it, too. */
	open_wire(false);
	put_fetch_13();
	saw("read kafka://db:1 orders\n");
}

/* ---- S3 */

static void http(bool client, const char *text)
{
	feed(client, or_slice_str(text));
}

static void s3__tells_objects_once_they_are_there(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		bytewise = i;
		open_wire(false);
		http(true, "PUT /lake/a%20b/c.parquet HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n"
			   "Authorization: AWS4-HMAC-SHA256 x\r\nContent-Length: 5\r\n\r\n"
			   "12345GET /k?x=1 HTTP/1.1\r\nHost: lake.s3.amazonaws.com\r\n\r\n");
		saw("");
		http(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		saw("write s3://lake a b/c.parquet\n");
		http(false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "4\r\nHTTP\r\n0\r\n\r\n");
		saw("read s3://lake k\n");
		/* A list, a part, something absent, and what is no S3: nothing. */
		http(true, "GET /lake/?list-type=2 HTTP/1.1\r\nx-amz-date: 1\r\n\r\n");
		http(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		http(true, "PUT /lake/k?partNumber=1&uploadId=x HTTP/1.1\r\nx-amz-date: 1\r\n\r\n");
		http(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		http(true, "GET /lake/absent HTTP/1.1\r\nx-amz-date: 1\r\n\r\n");
		http(false, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
		http(true, "GET /api/orders HTTP/1.1\r\nHost: a\r\n\r\n");
		http(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		saw("");
		http(true, "POST /lake/k?uploadId=x HTTP/1.1\r\nx-amz-date: 1\r\n\r\n");
		http(false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
		saw("write s3://lake k\n");
	}
}

static void feed__gives_up_on_what_it_does_not_know(void **state)
{
	(void)state;
	open_wire(false);
	feed(true, OR_SLICE_LIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"));
	assert_false(tap_wire_is_of_use(wire));
	open_wire(false);
	http(true, "EHLO mail.example.org\r\n");
	assert_false(tap_wire_is_of_use(wire));
	http(true, "GET / HTTP/1.1\r\n\r\n");
	saw("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pg__tells_what_was_done),
	    TEST(pg__follows_prepared_statements),
	    TEST(pg__gives_up_where_it_is_encrypted),
	    TEST(pg__is_understood_late_and_after_gaps),
	    TEST(kafka__reads_names_in_old_requests),
	    TEST(kafka__finds_names_for_ids),
	    TEST(s3__tells_objects_once_they_are_there),
	    TEST(feed__gives_up_on_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
