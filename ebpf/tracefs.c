/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/tracefs.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

bool tap_tracefs_is_there(void)
{
	return access("/sys/kernel/tracing/events/syscalls", R_OK) == 0 ||
	       access("/sys/kernel/debug/tracing/events/syscalls", R_OK) == 0;
}

enum or_code tap_tracefs_mount_private(struct or_err *err)
{
	if (tap_tracefs_is_there())
		return OR_OK;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tracefs", "/sys/kernel/tracing", "tracefs",
		MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) < 0)
		return or_err_set(err,
		    errno == EPERM || errno == EACCES ? OR_DENIED : OR_UNSUPPORTED,
		    "mount tracefs for this process: %s", strerror(errno));
	return OR_OK;
}
