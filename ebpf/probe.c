/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/probe.h"

#include "ebpf/conn/conn.h"
#include "ebpf/exec/exec.h"
#include "ebpf/file/file.h"

#include <inttypes.h>
#include <stdio.h>

const struct tap_probe *const tap_probe_list[TAP_KINDS] = {
    [TAP_EXEC] = &tap_exec_probe,
    [TAP_CONN] = &tap_conn_probe,
    [TAP_FILE] = &tap_file_probe,
};

void tap_probe_json_id(struct or_jsonw *w, const char *key, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, id);
	or_jsonw_kv_text(w, key, text);
}
