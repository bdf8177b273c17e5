/* SPDX-License-Identifier: Apache-2.0 */
/* `outrider gate break-glass`: makes a grant (policy/grant.h). */
#ifndef CLI_GRANT_H
#define CLI_GRANT_H

int ctl_grant_main(int argc, char **argv);

#endif
