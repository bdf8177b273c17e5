/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/startup.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct or_slice part, struct or_slice whole)
{
	return !part.p || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_slice packet = or_slice(data, size);
	struct ag_startup s;
	enum ag_startup_reason why = ag_startup_parse(&s, packet);

	OR_ASSERT(*ag_startup_reason_name(why) || why == AG_STARTUP_FINE);
	if (why)
		return 0;
	OR_ASSERT(lies_in(s.user, packet) && lies_in(s.database, packet) && lies_in(s.key, packet));
	if (s.kind == AG_STARTUP_SESSION)
		OR_ASSERT(s.user.n && s.user.n <= AG_STARTUP_NAME_MAX && s.database.n &&
			  s.database.n <= AG_STARTUP_NAME_MAX && or_str_is_utf8(s.user) &&
			  or_str_is_utf8(s.database));
	return 0;
}
