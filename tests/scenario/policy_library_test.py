# SPDX-License-Identifier: Apache-2.0
"""policy/ lifted out: the program of its README compiles against the room and base alone, and says
what the README says it says."""
import os
import re
import subprocess
import tempfile

from world import BIN, ROOT, check, check_has, main

BUILD = os.path.dirname(BIN)
LIBRARIES = ["-lcrypto", "-ljansson"]
INSTRUMENTED = {"OR_ASAN": "-fsanitize=address,undefined", "OR_TSAN": "-fsanitize=thread",
                "OR_COV": "--coverage"}


def cached(name):
    """A value of the build's CMake cache; "" where it has none."""
    with open(f"{BUILD}/CMakeCache.txt", encoding="utf-8") as f:
        found = re.search(rf"^{name}:[A-Z]+=(.*)$", f.read(), re.M)
    return found.group(1) if found else ""


def example():
    with open(f"{ROOT}/policy/README.md", encoding="utf-8") as f:
        return re.search(r"^```c\n(.*?)^```", f.read(), re.M | re.S).group(1)


def the_example_compiles_and_runs():
    source = example()
    body = source[source.index("int main"):]
    check(len(body.splitlines()) <= 25, "the example is short")
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
    flags += [flag for option, flag in INSTRUMENTED.items() if cached(option) in ("ON", "TRUE", "1")]
    with tempfile.TemporaryDirectory() as d:
        with open(f"{d}/example.c", "w", encoding="utf-8") as f:
            f.write(source)
        compiled = subprocess.run(
            [cached("CMAKE_C_COMPILER") or "cc", *flags, f"-I{ROOT}", f"{d}/example.c",
             f"{BUILD}/liboutrider_policy.a", f"{BUILD}/liboutrider_base.a", *LIBRARIES,
             "-o", f"{d}/example"], capture_output=True, text=True, timeout=120, check=False)
        check(compiled.returncode == 0, compiled.stderr)
        run = subprocess.run([f"{d}/example"], capture_output=True, text=True, timeout=60,
                             check=False, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        check(run.returncode == 0, run.stderr)
        check_has(run.stdout, "allowed by policy0")


if __name__ == "__main__":
    main(the_example_compiles_and_runs)
