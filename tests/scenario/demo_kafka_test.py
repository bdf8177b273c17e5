# SPDX-License-Identifier: Apache-2.0
"""The demo with --kafka; what must be seen is demo_test.py's."""
from demo_test import the_demo
from world import main


def the_demo_over_kafka():
    the_demo("--kafka")


if __name__ == "__main__":
    main(the_demo_over_kafka)
