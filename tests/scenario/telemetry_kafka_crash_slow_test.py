# SPDX-License-Identifier: Apache-2.0
"""Kills agent, collector and broker at random moments while a workload reports and is asked, twenty
times each; what must hold is telemetry_crash_slow_test.py's."""
from telemetry_crash_slow_test import nothing_acknowledged_is_lost_or_doubled
from world import main


def nothing_acknowledged_is_lost_or_doubled_over_kafka():
    nothing_acknowledged_is_lost_or_doubled(kafka=1)


if __name__ == "__main__":
    main(nothing_acknowledged_is_lost_or_doubled_over_kafka)
