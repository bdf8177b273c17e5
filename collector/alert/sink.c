/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/sink.h"

#include "collector/alert/webhook/webhook.h"

const struct co_sink *const co_sink_list[] = {&co_webhook_sink, NULL};
