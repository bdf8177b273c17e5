/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/keys.h"

#include "base/sys.h"

#include "tests/support/support.h"

#include <sys/stat.h>

static int setup(void **state)
{
	*state = support_tmpdir_new();
	return 0;
}

static int teardown(void **state)
{
	support_tmpdir_remove(*state);
	return 0;
}

static void assert_private(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void ed25519__is_made_once_and_then_read(void **state)
{
	const char *path = support_path(*state, "k.pem");
	struct or_crypto_key *made, *read;
	struct or_buf a, b;
	struct or_err err;

	or_buf_init(&a, 32);
	or_buf_init(&b, 32);
	ASSERT_OK(co_keys_ed25519(&made, path, true, &err), &err);
	assert_private(path);
	ASSERT_OK(co_keys_ed25519(&read, path, false, &err), &err);
	ASSERT_CODE(or_crypto_key_public(&a, made), OR_OK);
	ASSERT_CODE(or_crypto_key_public(&b, read), OR_OK);
	assert_true(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	or_crypto_key_free(made);
	or_crypto_key_free(read);
	or_buf_done(&a);
	or_buf_done(&b);
}

static void ed25519__that_is_lost_is_not_replaced(void **state)
{
	struct or_crypto_key *key = NULL;
	struct or_err err;

	ASSERT_CODE(co_keys_ed25519(&key, support_path(*state, "k.pem"), false, &err), OR_ABSENT);
	ASSERT_HAS(err.msg, "k.pem is not there, though this state directory has been used");
	assert_null(key);
}

static void ed25519__refuses_what_others_can_read_and_what_is_no_key(void **state)
{
	const char *path = support_path(*state, "k.pem");
	struct or_crypto_key *key = NULL;
	struct or_buf pem;
	struct or_err err;

	ASSERT_OK(or_sys_write_file(path, OR_SLICE_LIT("x"), 0640, &err), &err);
	ASSERT_CODE(co_keys_ed25519(&key, path, true, &err), OR_DENIED);
	ASSERT_HAS(err.msg, "k.pem can be read by others");
	assert_int_equal(chmod(path, 0600), 0);
	ASSERT_CODE(co_keys_ed25519(&key, path, true, &err), OR_CORRUPT);
	ASSERT_HAS(err.msg, "k.pem is no private Ed25519 key in PEM");

	or_buf_init(&pem, 8192);
	ASSERT_OK(or_crypto_key_new(&key, OR_CRYPTO_P256, &err), &err);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, key, true), OR_OK);
	or_crypto_key_free(key);
	ASSERT_OK(or_sys_write_file(path, or_buf_slice(&pem), 0600, &err), &err);
	ASSERT_CODE(co_keys_ed25519(&key, path, true, &err), OR_CORRUPT);
	or_buf_done(&pem);
}

static void token__is_made_once_and_stays(void **state)
{
	const char *path = support_path(*state, "admin.token");
	struct or_buf a, b;
	struct or_err err;

	or_buf_init(&a, 100);
	or_buf_init(&b, 100);
	ASSERT_OK(co_keys_token(&a, path, &err), &err);
	ASSERT_OK(co_keys_token(&b, path, &err), &err);
	assert_int_equal(a.n, 43);
	assert_true(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	assert_private(path);
	ASSERT_OK(or_sys_write_file(path, OR_SLICE_LIT("secret\n"), 0600, &err), &err);
	ASSERT_CODE(co_keys_token(&a, path, &err), OR_CORRUPT);
	assert_null(strstr(err.msg, "secret"));
	or_buf_done(&a);
	or_buf_done(&b);
}

static void uuid__is_made_once_and_stays(void **state)
{
	const char *path = support_path(*state, "id");
	char a[OR_RNG_UUID_LEN + 1], b[OR_RNG_UUID_LEN + 1];
	struct or_err err;

	ASSERT_CODE(co_keys_uuid(a, path, false, &err), OR_ABSENT);
	ASSERT_OK(co_keys_uuid(a, path, true, &err), &err);
	ASSERT_OK(co_keys_uuid(b, path, false, &err), &err);
	assert_string_equal(a, b);
	ASSERT_OK(or_sys_write_file(path, OR_SLICE_LIT("x"), 0600, &err), &err);
	ASSERT_CODE(co_keys_uuid(a, path, true, &err), OR_CORRUPT);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(ed25519__is_made_once_and_then_read),
	    T(ed25519__that_is_lost_is_not_replaced),
	    T(ed25519__refuses_what_others_can_read_and_what_is_no_key),
	    T(token__is_made_once_and_stays),
	    T(uuid__is_made_once_and_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
