/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/feature.h"

#include "base/json.h"
#include "tests/support/support.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_sane(const struct tap_feature *f)
{
	unsigned int attached = 0, missing = 0;

	for (size_t i = 0; i < TAP_KINDS; i++) {
		bool is = f->probe[i].state == TAP_ATTACHED;

		attached += is;
		missing += !is;
		/* A probe runs somewhere, or says why not. */
		assert_true(is == (f->probe[i].hook[0] != '\0'));
		assert_true(is == (f->probe[i].why[0] == '\0'));
	}
	assert_int_equal(f->tier, attached > 0 && f->cgroup2);
	assert_true(f->why[0] || missing == 0);
	assert_true(f->kernel[0] != '\0');
}

static void read__finds_a_tier_and_its_reasons(void **state)
{
	struct tap_feature f;

	(void)state;
	tap_feature_read(&f, NULL);
	print_message("%s %s\n", tap_feature_tier(&f), f.why);
	assert_sane(&f);
}

static void json__says_the_same(void **state)
{
	struct or_arena *a = or_arena_new(1 << 20);
	const struct or_json *tree, *probes;
	struct tap_feature f = {.tier = 1,
	    .why = "a \"reason\"",
	    .kernel = "6.1",
	    .btf = true,
	    .bpf_lsm = TAP_UNKNOWN,
	    .perf_event_paranoid = -2};
	struct or_buf b;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < TAP_KINDS; i++)
		f.probe[i] = (struct tap_status){.state = TAP_DENIED, .hook = "", .why = "no"};
	or_buf_init(&b, 1 << 16);
	tap_feature_json(&b, &f);
	ASSERT_OK(or_json_parse(&tree, or_buf_slice(&b), a, &err), &err);
	ASSERT_SLICE(or_json_get(tree, "tier")->s, "T1");
	ASSERT_SLICE(or_json_get(tree, "why")->s, "a \"reason\"");
	assert_true(or_json_get(tree, "btf")->b);
	assert_false(or_json_get(tree, "cap_bpf")->b);
	ASSERT_SLICE(or_json_get(tree, "bpf_lsm")->s, "unknown");
	assert_int_equal(or_json_get(tree, "perf_event_paranoid")->type, OR_JSON_NULL);
	probes = or_json_get(tree, "probes");
	assert_int_equal(probes->array.n, TAP_KINDS);
	ASSERT_SLICE(or_json_get(probes->array.items[TAP_CONN], "name")->s, "conn");
	ASSERT_SLICE(or_json_get(probes->array.items[TAP_CONN], "state")->s, "denied");
	or_buf_done(&b);
	or_arena_free(a);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	assert_int_equal(syscall(SYS_capset, &head, none), 0);
}

/* As somebody without any permission: tier 0, in words, and nothing breaks. */
static void check_without_capabilities(void)
{
	struct tap_loader *tap;
	struct tap_feature f;
	struct tap_stats stats;
	struct or_err err;

	drop_capabilities();
	tap_feature_read(&f, NULL);
	print_message("%s %s\n", tap_feature_tier(&f), f.why);
	assert_sane(&f);
	assert_int_equal(f.tier, 0);
	if (f.built)
		ASSERT_HAS(f.why, "CAP_BPF");
	ASSERT_OK(tap_loader_open(&tap, NULL, &err), &err);
	ASSERT_OK(tap_loader_watch(tap, "/nowhere", &err), &err);
	assert_int_equal(tap_loader_drain(tap, 10, NULL, NULL), 0);
	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		const struct tap_status *s = tap_loader_status(tap, (enum tap_kind)i);

		assert_int_equal(s->state, f.built ? TAP_DENIED : TAP_UNSUPPORTED);
		tap_loader_stats(&stats, tap, (enum tap_kind)i);
		assert_int_equal(stats.seen + stats.received + stats.missed, 0);
	}
	tap_loader_close(tap);
}

static void read__is_tier_0_without_capabilities(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		check_without_capabilities();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__finds_a_tier_and_its_reasons),
	    cmocka_unit_test(json__says_the_same),
	    cmocka_unit_test(read__is_tier_0_without_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
