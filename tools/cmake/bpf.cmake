# SPDX-License-Identifier: Apache-2.0
# Programs for the kernel: each x.bpf.c of a room becomes an ELF object by clang, and that a C file
# with `const struct or_slice <prefix>_x`. No BTF of the building machine is needed.
option(OR_BPF "Compile the eBPF programs (needs clang with the bpf target)" ON)

# v3: atomics that give the old value (Linux 5.12), for sequences without a hole.
set(OR_BPF_FLAGS -target bpf -mcpu=v3 -O2 -g -ffreestanding -Wall -Wextra -Wno-unused-parameter -Werror
    -I${CMAKE_SOURCE_DIR})

# Finds a clang that can do it, or says what to install.
function(or_find_bpf_clang)
    find_program(BPF_CLANG NAMES clang-14 clang DOC "clang with the bpf target")
    find_program(BPF_STRIP NAMES llvm-strip-14 llvm-strip DOC "takes DWARF out of eBPF objects")
    set(wanted "Install clang-14 and libbpf-dev (./dev deps), or configure with -DOR_BPF=OFF for a \
build that observes nothing through eBPF.")
    if(NOT BPF_CLANG)
        message(FATAL_ERROR "The eBPF programs need clang, which is not here. ${wanted}")
    endif()
    set(probe ${CMAKE_BINARY_DIR}/CMakeFiles/or_bpf_probe.c)
    file(WRITE ${probe} "#include \"ebpf/vmlinux_min.bpf.h\"\n#include <bpf/bpf_helpers.h>\n")
    execute_process(COMMAND ${BPF_CLANG} ${OR_BPF_FLAGS} -c ${probe} -o ${probe}.o
        RESULT_VARIABLE status ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${BPF_CLANG} cannot compile eBPF programs:\n${output}${wanted}")
    endif()
endfunction()

# or_bpf(room prefix out): the generated C files of the room's *.bpf.c.
function(or_bpf room prefix out_sources)
    if(OR_BPF)
        or_find_bpf_clang()
    endif()
    set(strip ${CMAKE_COMMAND} -E true)
    if(BPF_STRIP)
        set(strip ${BPF_STRIP} -g)
    endif()
    file(GLOB_RECURSE programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${room}/*.bpf.c)
    set(sources)
    foreach(program ${programs})
        file(RELATIVE_PATH rel ${CMAKE_SOURCE_DIR} ${program})
        get_filename_component(name ${program} NAME_WE)
        set(object ${CMAKE_BINARY_DIR}/${rel}.o)
        get_filename_component(dir ${object} DIRECTORY)
        file(MAKE_DIRECTORY ${dir})
        if(OR_BPF)
            add_custom_command(OUTPUT ${object}
                COMMAND ${BPF_CLANG} ${OR_BPF_FLAGS} -MD -MF ${object}.d -c ${program} -o ${object}
                COMMAND ${strip} ${object}
                DEPENDS ${program} DEPFILE ${object}.d VERBATIM)
        else()
            add_custom_command(OUTPUT ${object} COMMAND ${CMAKE_COMMAND} -E touch ${object})
        endif()
        add_custom_command(OUTPUT ${object}.c
            COMMAND ${CMAKE_COMMAND} -D object=${object} -D symbol=${prefix}_${name}
                -D header=${room}/object.h -P ${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake
            DEPENDS ${object} ${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake VERBATIM)
        list(APPEND sources ${object}.c)
    endforeach()
    set(${out_sources} ${sources} PARENT_SCOPE)
endfunction()
