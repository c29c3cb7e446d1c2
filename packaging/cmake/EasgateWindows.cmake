# SPDX-License-Identifier: Apache-2.0
# What only a build for Windows has: resources of a program, the DLLs beside it, tests that cannot be
# built there. Included where WIN32 is set.
enable_language(RC)

# Version, manifest (UTF-8, long paths) and the event log's messages. An object library of its own:
# windres does not know the compiler's options.
function(easg_windows_resources target description)
    set(RESOURCE_NAME ${target})
    set(RESOURCE_DESCRIPTION ${description})
    set(made ${CMAKE_CURRENT_BINARY_DIR}/${target}-resources)
    configure_file(${PROJECT_SOURCE_DIR}/packaging/windows/program.rc.in ${made}/${target}.rc @ONLY)
    configure_file(${PROJECT_SOURCE_DIR}/packaging/windows/easgate.manifest ${made}/easgate.manifest COPYONLY)
    add_library(${target}_resources OBJECT ${made}/${target}.rc)
    target_include_directories(${target}_resources PRIVATE ${made} ${EASGATE_EVENTS_DIR})
    add_dependencies(${target}_resources easgate_events)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_resources>)
endfunction()

# Programs and tests find the shared DLLs beside themselves, as the installed program does.
file(GLOB dlls ${WINDEPS}/bin/*.dll)
if(NOT dlls)
    message(FATAL_ERROR "WINDEPS names no tree of packaging/windows/build-windeps.sh: '${WINDEPS}'")
endif()
file(COPY ${dlls} DESTINATION ${PROJECT_BINARY_DIR}/bin)
file(COPY ${dlls} DESTINATION ${PROJECT_BINARY_DIR}/tests)

# Sets `out` to what `sources` use and Windows lacks, a header or a call; a test that needs it is left
# out, and counted: ctest lists it as skipped, with that for a reason.
function(easg_posix_only out)
    set(${out} "" PARENT_SCOPE)
    set(headers "sys/(wait|socket|un|resource|ioctl)|poll|dlfcn|pthread|netinet/[a-z]*|arpa/[a-z]*")
    foreach(source ${ARGN})
        get_filename_component(path ${source} ABSOLUTE)
        file(STRINGS ${path} found LIMIT_COUNT 1
             REGEX "^#include <(${headers})\\.h>|[^a-z_](symlink|fork|kill|popen|sigaction|chmod)\\(")
        if(found)
            string(REGEX REPLACE ".*<(.*)>.*" "\\1" what "${found}")
            string(REGEX REPLACE ".*[^a-z_]((symlink|fork|kill|popen|sigaction|chmod)\\().*" "\\1)" what "${what}")
            set(${out} "${what}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()
