/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider audit QUERY` and `outrider why ID`: questions to the collector's audit trail.
 */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

int ctl_audit_main(int argc, char **argv);
int ctl_audit_why_main(int argc, char **argv);

#endif
