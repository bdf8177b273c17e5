/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider products [WORDS]`: which data products there are, who owns and who reads them, as the
 * collector's catalogue knows it; `outrider dora PRODUCT`: how fast its team delivers.
 *
 * Exit code 0: found; 1: nothing matches, or nothing is known of the product.
 */
#ifndef CLI_PRODUCTS_H
#define CLI_PRODUCTS_H

int ctl_products_main(int argc, char **argv);
int ctl_products_dora_main(int argc, char **argv);

#endif
