/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider verify`: the audit trail proven, from the collector's API or from its directory.
 *
 * Exit code 0: everything holds; 1: something does not, each thing named; 3: it could not be read.
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

int ctl_verify_main(int argc, char **argv);

#endif
