/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that rows are filtered of: from a contract of the product, or from a list of columns.
 */
#ifndef CLI_POLICY_POLICY_TABLE_H
#define CLI_POLICY_POLICY_TABLE_H

#include "cli/policy/policy_world.h"
#include "policy/filter.h"

/*
 * name: a table of the product's contracts, Row::"<product>/<name>" with the ports that have it as
 * parents; with columns ("level:integer,owner:string", ODCS types) a table of no contract. alias:
 * what SQL calls it, NULL for its physical name. The table lies in the world's arena.
 * OR_ABSENT: no contract has it (err names those that are there); OR_INVAL.
 */
OR_NODISCARD enum or_code ctl_policy_table_find(struct pol_filter_table *out,
    struct ctl_policy_world *w, const char *name, const char *columns, const char *alias,
    struct or_err *err);

#endif
