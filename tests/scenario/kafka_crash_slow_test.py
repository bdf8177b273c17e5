# SPDX-License-Identifier: Apache-2.0
"""Kills agent, collector and broker at random moments under traffic, twenty times each; what must
hold is crash_slow_test.py's."""
from crash_slow_test import crash
from world import main


def crash_over_kafka():
    crash(kafka=1)


if __name__ == "__main__":
    main(crash_over_kafka)
