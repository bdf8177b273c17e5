/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider doctor`: what works on this machine, what does not, and what to do about it.
 *
 * Exit code 0: everything works; 1: something does not.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

int ctl_doctor_main(int argc, char **argv);

#endif
