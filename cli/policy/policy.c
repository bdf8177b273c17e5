/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"

#include "base/def.h"
#include "cli/verb.h"

int ctl_policy_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"authorize", "decide one request", ctl_policy_authorize_main},
	    {"explain", "decide one request and say why", ctl_policy_authorize_explain_main},
	    {"filter", "which rows of a table may be read, as SQL or UCAST",
		ctl_policy_filter_main},
	    {"list", "what a principal may read", ctl_policy_list_main},
	    {"build", "check a product's policies and sign them as a bundle",
		ctl_policy_build_main},
	    {"format", "lay policies out in one style", ctl_policy_format_main},
	    {"translate", "policies or a schema from text to JSON, and back",
		ctl_policy_translate_main},
	};

	return ctl_verb_run("outrider policy",
	    "Cedar policies: written, checked, and signed as bundles.", verbs, OR_LEN(verbs), argc,
	    argv);
}
