# SPDX-License-Identifier: Apache-2.0
# cmake -D object=FILE -D symbol=NAME -D header=HEADER -P embed.cmake: writes FILE.c, in which NAME
# is a slice of the file's bytes (an empty one for an empty file).
file(READ ${object} hex HEX)
set(code "#include \"${header}\"\n\n")
if(hex STREQUAL "")
    string(APPEND code "const struct or_slice ${symbol} = {0, 0};\n")
else()
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    # libbpf reads ELF structures in place, so the first byte is aligned for them.
    string(APPEND code "static const uint8_t bytes[] __attribute__((aligned(8))) = {${bytes}};\n"
        "const struct or_slice ${symbol} = {bytes, sizeof(bytes)};\n")
endif()
file(WRITE ${object}.c "${code}")
