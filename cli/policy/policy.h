/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider policy VERB`: a file of this folder for each verb, the table of them in policy.c.
 */
#ifndef CLI_POLICY_POLICY_H
#define CLI_POLICY_POLICY_H

int ctl_policy_main(int argc, char **argv);

int ctl_policy_authorize_main(int argc, char **argv);
int ctl_policy_build_main(int argc, char **argv);
int ctl_policy_authorize_explain_main(int argc, char **argv);
int ctl_policy_cases_main(int argc, char **argv); /* test */
int ctl_policy_check_main(int argc, char **argv);
int ctl_policy_check_verify_main(int argc, char **argv);
int ctl_policy_diff_main(int argc, char **argv);
int ctl_policy_filter_main(int argc, char **argv);
int ctl_policy_format_main(int argc, char **argv);
int ctl_policy_list_main(int argc, char **argv);
int ctl_policy_translate_main(int argc, char **argv);

#endif
