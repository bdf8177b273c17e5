/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"

#include "base/def.h"
#include "cli/verb.h"

int ctl_policy_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"build", "check a product's policies and sign them as a bundle",
		ctl_policy_build_main},
	};

	return ctl_verb_run(
	    "outrider policy", "Signed policy bundles.", verbs, OR_LEN(verbs), argc, argv);
}
