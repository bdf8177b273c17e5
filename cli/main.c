/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verb.h"

#include "cli/alerts.h"
#include "cli/audit.h"
#include "cli/doctor.h"
#include "cli/export.h"
#include "cli/gate.h"
#include "cli/key.h"
#include "cli/lineage.h"
#include "cli/logs.h"
#include "cli/policy/policy.h"
#include "cli/product.h"
#include "cli/products.h"
#include "cli/run.h"
#include "cli/spool.h"
#include "cli/token.h"
#include "cli/top.h"
#include "cli/up.h"
#include "cli/verify.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"up", "start the collector of this machine", ctl_up_main},
	    {"down", "stop it", ctl_up_down_main},
	    {"run", "run a workload with its agent beside it", ctl_run_main},
	    {"audit", "search the audit trail", ctl_audit_main},
	    {"why", "explain one decision", ctl_audit_why_main},
	    {"alerts", "show the alerts that fire", ctl_alerts_main},
	    {"logs", "search the workloads' logs", ctl_logs_main},
	    {"metrics", "search the workloads' metrics", ctl_logs_metrics_main},
	    {"lineage", "draw where a product's data comes from and goes to", ctl_lineage_main},
	    {"products", "find data products, their owners and readers", ctl_products_main},
	    {"dora", "say how fast a product's team delivers", ctl_products_dora_main},
	    {"verify", "prove that the audit trail is complete and unchanged", ctl_verify_main},
	    {"export", "write proofs that others check offline", ctl_export_main},
	    {"top", "watch the agents of this machine at work", ctl_top_main},
	    {"doctor", "say what works here and what does not", ctl_doctor_main},
	    {"gate", "print routes, try what would be decided, break glass", ctl_gate_main},
	    {"tap", "follow what passes through an agent", ctl_spool_tap_main},
	    {"spool", "look into an agent's spools, and mend them", ctl_spool_main},
	    {"policy", "build signed policy bundles", ctl_policy_main},
	    {"product", "check a data product's descriptor and contracts", ctl_product_main},
	    {"token", "issue tokens for development", ctl_token_main},
	    {"key", "make keys", ctl_key_main},
	};

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("outrider %s\n", OR_VERSION);
		return 0;
	}
	return ctl_verb_run("outrider", "Outrider guards data products and proves who read them.",
	    verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
