/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"

#include "base/def.h"
#include "cli/verb.h"

int ctl_policy_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"check", "whether policies, schema and entities fit together", ctl_policy_check_main},
	    {"format", "lay policies out in one style", ctl_policy_format_main},
	    {"translate", "policies or a schema from text to JSON, and back",
		ctl_policy_translate_main},
	    {"test", "run cases: requests and what is expected of them", ctl_policy_cases_main},
	    {"authorize", "decide one request", ctl_policy_authorize_main},
	    {"explain", "decide one request and say why", ctl_policy_authorize_explain_main},
	    {"filter", "which rows of a table may be read, as SQL or UCAST",
		ctl_policy_filter_main},
	    {"list", "what a principal may read", ctl_policy_list_main},
	    {"diff", "which requests get another answer from other policies", ctl_policy_diff_main},
	    {"build", "check a product's policies and sign them as a bundle",
		ctl_policy_build_main},
	    {"verify", "whether a bundle is signed, readable and valid",
		ctl_policy_check_verify_main},
	};

	return ctl_verb_run("outrider policy",
	    "Cedar policies: written, checked, and signed as bundles.", verbs, OR_LEN(verbs), argc,
	    argv);
}
