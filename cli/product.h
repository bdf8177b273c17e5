/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider product`: what can be said of a data product from its files alone.
 */
#ifndef CLI_PRODUCT_H
#define CLI_PRODUCT_H

#include "base/err.h"

/* argv[0] is "product": validate. Returns the exit code. */
int ctl_product_main(int argc, char **argv);

#endif
