# SPDX-License-Identifier: Apache-2.0
"""docs/reference says of each key what the programs do, and their help names each key."""
import os
import re
import subprocess

from world import BIN, ROOT, check, main

PROGRAMS = ("outrider-agent", "outrider-collector")


def printed(name, flag):
    return subprocess.run([os.path.join(BIN, name), flag], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=60).stdout


def the_pages_are_what_the_programs_print():
    for name in PROGRAMS:
        page = f"docs/reference/{name}.md"
        with open(os.path.join(ROOT, page)) as f:
            check(f.read() == printed(name, "--reference"),
                  f"{page} is out of date; build, then: {name} --reference > {page}")


def every_key_is_in_the_help():
    for name in PROGRAMS:
        keys = re.findall(r"^\| `([^`]+)` \|", printed(name, "--reference"), re.M)
        check(len(keys) >= 10, f"{name}: {keys}")
        text = printed(name, "--help")
        for key in keys:
            check(f"--{key} " in text, f"{name} --help does not name {key}")


if __name__ == "__main__":
    main(the_pages_are_what_the_programs_print, every_key_is_in_the_help)
