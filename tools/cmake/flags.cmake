# SPDX-License-Identifier: Apache-2.0
# Compiler and linker flags, the same for every room.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wswitch-enum -Werror
    -fno-common -fno-omit-frame-pointer)
# gcc knows that a function with a va_list passes its format on; clang wants an attribute there.
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    add_compile_options(-Wno-format-nonliteral)
endif()
add_compile_definitions(_GNU_SOURCE)
include_directories(${CMAKE_SOURCE_DIR})

if(OR_ASAN)
    # gcc's warnings that follow the flow are wrong on instrumented code; dev and release have them.
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -Wno-clobbered
        -Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-overflow)
    add_link_options(-fsanitize=address,undefined)
endif()
if(OR_TSAN)
    add_compile_options(-fsanitize=thread -Wno-clobbered -Wno-format-truncation
        -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-tsan)
    add_link_options(-fsanitize=thread)
endif()
if(OR_COV)
    add_compile_options(--coverage -fprofile-update=atomic -Wno-maybe-uninitialized)
    add_link_options(--coverage)
endif()
if(OR_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=address,undefined)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Rel")
    add_compile_options(-fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE
        -D_FORTIFY_SOURCE=2)
    add_link_options(-pie -Wl,-z,relro,-z,now -Wl,--as-needed)
endif()
