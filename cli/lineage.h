/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outrider lineage PRODUCT: which job reads and writes which data set around a product, drawn as
 * text. Exit code 1: the product has reported nothing. Thread: the main thread.
 */
#ifndef CLI_LINEAGE_H
#define CLI_LINEAGE_H

int ctl_lineage_main(int argc, char **argv);

#endif
