/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates of annotations: text in which {{name}} stands for a value. Blanks inside the braces do
 * not count; there is nothing else to it. Pure; any thread.
 */
#ifndef COLLECTOR_ALERT_TEMPLATE_H
#define COLLECTOR_ALERT_TEMPLATE_H

#include "collector/alert/label.h"

/* OR_INVAL: braces that do not close, or a name that is none of names (ended by NULL); the message
 * has the nearest. */
OR_NODISCARD enum or_code co_template_check(
    struct or_slice text, const char *const *names, struct or_err *err);

/* Puts the text; a name without a value is put as nothing. */
void co_template_expand(struct or_buf *out, struct or_slice text, struct co_label_set values);

#endif
