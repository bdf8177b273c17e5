/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider export`: what an auditor takes away and checks offline (`outrider verify FILE`).
 */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

int ctl_export_main(int argc, char **argv);

#endif
