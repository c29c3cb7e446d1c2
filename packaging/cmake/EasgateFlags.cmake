# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening, sanitizers: one interface target, easg_flags, that every target of ours links.
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")

add_library(easg_flags INTERFACE)
foreach(flag
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
        -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2
        -Wnull-dereference -Wduplicated-cond -Wduplicated-branches -Wlogical-op
        -Wimplicit-fallthrough -Wdate-time)
    string(MAKE_C_IDENTIFIER "has${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        target_compile_options(easg_flags INTERFACE ${flag})
    endif()
endforeach()
if(EASGATE_WERROR)
    target_compile_options(easg_flags INTERFACE -Werror)
endif()

foreach(flag
        -fstack-protector-strong -fcf-protection=full
        -ftrivial-auto-var-init=zero -fno-strict-overflow -fno-delete-null-pointer-checks)
    string(MAKE_C_IDENTIFIER "has${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        target_compile_options(easg_flags INTERFACE ${flag})
    endif()
endforeach()
target_compile_options(easg_flags INTERFACE
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)

if(WIN32)
    set(EASGATE_OS win32)
    target_compile_definitions(easg_flags INTERFACE EASG_PRINTF_FORMAT=gnu_printf)
else()
    set(EASGATE_OS posix)
    target_compile_definitions(easg_flags INTERFACE _GNU_SOURCE)
    # not on Windows: there each page of a frame is probed anyway, and gcc 12 fails on it
    check_c_compiler_flag(-fstack-clash-protection has_fstack_clash_protection)
    if(has_fstack_clash_protection)
        target_compile_options(easg_flags INTERFACE -fstack-clash-protection)
    endif()
    target_link_options(easg_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
    set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -pie")
endif()

if(EASGATE_SANITIZE)
    target_compile_options(easg_flags INTERFACE
        -fsanitize=${EASGATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(easg_flags INTERFACE -fsanitize=${EASGATE_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(easg_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(EASGATE_PLUGIN_OUTPUT ${PROJECT_BINARY_DIR}/lib/easgate/plugins)
