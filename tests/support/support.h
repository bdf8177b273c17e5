/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unit tests share: cmocka with its required headers, and comparisons of slices and files.
 */
#ifndef TESTS_SUPPORT_SUPPORT_H
#define TESTS_SUPPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>

#include "base/err.h"

#define ASSERT_OK(call, err)         assert_ok_((call), (err), __FILE__, __LINE__)
#define ASSERT_CODE(call, code)      assert_int_equal((int)(call), (int)(code))
#define ASSERT_SLICE(s, text)        assert_slice_((s), (text), __FILE__, __LINE__)
#define ASSERT_HAS(haystack, needle) assert_has_((haystack), (needle), __FILE__, __LINE__)

void assert_ok_(enum or_code rc, const struct or_err *err, const char *file, int line);
void assert_slice_(struct or_slice s, const char *text, const char *file, int line);
void assert_has_(const char *haystack, const char *needle, const char *file, int line);

/* A fresh directory under $TMPDIR; removed, with what is in it, by support_tmpdir_remove. */
char *support_tmpdir_new(void);
void support_tmpdir_remove(char *dir);

/* "<dir>/<name>" in a buffer that the next call but three reuses. */
const char *support_path(const char *dir, const char *name);

/* True where fn(arg), run in a child process, ends in abort (a failed OR_ASSERT). */
bool support_aborts(void (*fn)(void *arg), void *arg);

#endif
