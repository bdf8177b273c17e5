/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webhook sink: Alertmanager's webhook payload, version 4
 * (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), so that any receiver
 * written for Alertmanager takes it. Pure.
 */
#ifndef COLLECTOR_ALERT_WEBHOOK_WEBHOOK_H
#define COLLECTOR_ALERT_WEBHOOK_WEBHOOK_H

#include "collector/alert/sink.h"

extern const struct co_sink co_webhook_sink;

#endif
