/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/columns.h"

enum { PRINCIPAL = 12, RESOURCE = 15, REQUEST = 24, SPAN_LEN = 8 };

const struct tl_part_field co_columns_audit[] = {
    {CO_COLUMNS_TIME, 0, TL_PART_FIXED64, 0}, {CO_COLUMNS_AGENT, 0, TL_PART_BYTES, 0},
    {CO_COLUMNS_EPOCH, 0, TL_PART_FIXED64, 0}, {CO_COLUMNS_STREAM, 0, TL_PART_BYTES, 0},
    {CO_COLUMNS_SEQ, 0, TL_PART_VARINT, 0}, {6, 0, TL_PART_BYTES, 0}, /* product */
    {7, 0, TL_PART_BYTES, 0},                                         /* port */
    {8, 0, TL_PART_BYTES, 0},                                         /* workload */
    {9, 0, TL_PART_VARINT, 0},                                        /* kind */
    {10, 0, TL_PART_VARINT, 0},                                       /* front */
    {11, 0, TL_PART_VARINT, 0},                                       /* phase */
    {PRINCIPAL, 1, TL_PART_BYTES, 0}, {PRINCIPAL, 2, TL_PART_BYTES, 0},
    {PRINCIPAL, 3, TL_PART_BYTES, 0}, {13, 0, TL_PART_LIST, 0}, /* act */
    {14, 0, TL_PART_BYTES, 0},                                  /* action */
    {RESOURCE, 1, TL_PART_BYTES, 0}, {RESOURCE, 2, TL_PART_BYTES, 0},
    {16, 0, TL_PART_VARINT, 0}, /* decision */
    {17, 0, TL_PART_LIST, 0},   /* policies */
    {18, 0, TL_PART_LIST, 0},   /* policy_errors */
    {19, 0, TL_PART_VARINT, 0}, /* bundle_revision */
    {20, 0, TL_PART_BYTES, 0},  /* bundle_sha256 */
    {21, 0, TL_PART_BYTES, 0},  /* inputs */
    {22, 0, TL_PART_BYTES, 0},  /* reason */
    {23, 0, TL_PART_LIST, 0},   /* obligations */
    {REQUEST, 1, TL_PART_BYTES, 0}, {REQUEST, 2, TL_PART_BYTES, 0}, {REQUEST, 3, TL_PART_BYTES, 0},
    {REQUEST, 4, TL_PART_VARINT, 0}, {REQUEST, 5, TL_PART_VARINT, 0},
    {REQUEST, 6, TL_PART_VARINT, 0}, {REQUEST, 7, TL_PART_VARINT, 0},
    {25, 0, TL_PART_BYTES, 0}, /* peer */
    {CO_COLUMNS_TRACE, 0, TL_PART_UNIQUE, 0}, {27, 0, TL_PART_RAW, SPAN_LEN},
    {28, 0, TL_PART_LIST, 0}, /* attributes */
};

const size_t co_columns_audit_n = OR_LEN(co_columns_audit);
