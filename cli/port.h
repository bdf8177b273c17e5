/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP port for a program that must be told one (a workload's PORT) and binds it later.
 *
 * It lies outside of net.ipv4.ip_local_port_range, from which the kernel gives listeners their
 * port 0 and connections their own end: nobody gets it by accident before the program does. Only
 * where that range leaves no ports is it one of the kernel's. Any thread.
 */
#ifndef CLI_PORT_H
#define CLI_PORT_H

#include "base/err.h"

#define CTL_PORT_FIRST 15000

/* Free on all IPv4 addresses a moment ago. OR_IO: none could be found. */
OR_NODISCARD enum or_code ctl_port_free(uint16_t *port, struct or_err *err);

#endif
