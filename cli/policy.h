/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider policy`: signed policy bundles.
 */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

int ctl_policy_main(int argc, char **argv);

#endif
