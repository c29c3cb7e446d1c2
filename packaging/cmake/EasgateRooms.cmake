# SPDX-License-Identifier: Apache-2.0
# A room is a static library whose headers are seen only by the rooms that name it.
#
#   easg_room(store SOURCES store.c runs.c USES support platform log LIBS SQLite::SQLite3)
#
# Includes are by plain name ("store.h") and found through -iquote, so that a room that was not
# named does not compile, and none of our names can hide a system header.
# HEADERS_USE: rooms whose headers the room's own headers include; they travel with it.
function(easg_see target room)
    get_target_property(dir easg_${room} EASG_DIR)
    target_compile_options(${target} PRIVATE "SHELL:-iquote ${dir}")
    get_target_property(more easg_${room} EASG_HEADERS_USE)
    foreach(r ${more})
        if(NOT r STREQUAL "more-NOTFOUND")
            easg_see(${target} ${r})
        endif()
    endforeach()
endfunction()

function(easg_room name)
    cmake_parse_arguments(A "" "DIR" "SOURCES;USES;HEADERS_USE;LIBS" ${ARGN})
    if(NOT A_DIR)
        set(A_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    endif()
    list(TRANSFORM A_SOURCES PREPEND ${A_DIR}/ REGEX "^[^/$]")
    add_library(easg_${name} STATIC ${A_SOURCES})
    set_target_properties(easg_${name} PROPERTIES EASG_DIR ${A_DIR} EASG_HEADERS_USE "${A_HEADERS_USE}")
    target_compile_options(easg_${name} PRIVATE "SHELL:-iquote ${A_DIR}")
    target_link_libraries(easg_${name} PUBLIC easg_sdk PRIVATE easg_flags ${A_LIBS})
    foreach(r ${A_USES} ${A_HEADERS_USE})
        target_link_libraries(easg_${name} PRIVATE easg_${r})
        easg_see(easg_${name} ${r})
    endforeach()
endfunction()

# A plugin: one shared object that exports easg_plugin_entry and nothing else.
function(easg_plugin name)
    cmake_parse_arguments(A "" "" "SOURCES;USES;LIBS" ${ARGN})
    add_library(plugin_${name} MODULE ${A_SOURCES})
    set_target_properties(plugin_${name} PROPERTIES
        OUTPUT_NAME ${name} PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${EASGATE_PLUGIN_OUTPUT})
    target_compile_options(plugin_${name} PRIVATE "SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(plugin_${name} PRIVATE easg_sdk easg_flags ${A_LIBS})
    if(NOT WIN32)
        if(NOT EASGATE_SANITIZE)
            target_link_options(plugin_${name} PRIVATE -Wl,-z,defs)
        endif()
        target_link_options(plugin_${name} PRIVATE -Wl,--exclude-libs,ALL)
    endif()
    foreach(r ${A_USES})
        target_link_libraries(plugin_${name} PRIVATE easg_${r})
        easg_see(plugin_${name} ${r})
    endforeach()
    if(NOT TARGET plugins)
        add_custom_target(plugins)
    endif()
    add_dependencies(plugins plugin_${name})
    install(TARGETS plugin_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/easgate/plugins)
endfunction()

# One unit test, one program: easg_test(store/ledger SOURCES test_ledger.c USES store LABEL unit).
# POSIX says what the test takes for granted that Windows has not; there it is then a counted skip.
function(easg_test name)
    cmake_parse_arguments(A "" "LABEL;TIMEOUT;POSIX" "SOURCES;USES;LIBS;ARGS;ENV" ${ARGN})
    string(MAKE_C_IDENTIFIER "test_${name}" exe)
    add_executable(${exe} ${A_SOURCES})
    set_target_properties(${exe} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_compile_options(${exe} PRIVATE "SHELL:-iquote ${PROJECT_SOURCE_DIR}/tests/unit")
    target_link_libraries(${exe} PRIVATE easg_sdk easg_flags ${A_LIBS})
    foreach(r ${A_USES})
        target_link_libraries(${exe} PRIVATE easg_${r})
        easg_see(${exe} ${r})
    endforeach()
    if(NOT A_LABEL)
        set(A_LABEL unit)
    endif()
    if(WIN32)
        target_compile_options(${exe} PRIVATE -include ${PROJECT_SOURCE_DIR}/tests/compat/win32/compat.h
            "SHELL:-isystem ${PROJECT_SOURCE_DIR}/tests/compat/win32")
        easg_posix_only(missing ${A_SOURCES})
        if(A_POSIX)
            set(missing "${A_POSIX}")
        endif()
        if(missing)
            set_target_properties(${exe} PROPERTIES EXCLUDE_FROM_ALL ON)
            add_test(NAME ${A_LABEL}/${name} COMMAND ${CMAKE_COMMAND} -E echo "SKIP: needs ${missing}")
            set_tests_properties(${A_LABEL}/${name} PROPERTIES LABELS ${A_LABEL} SKIP_REGULAR_EXPRESSION "^SKIP: ")
            return()
        endif()
    endif()
    if(NOT A_TIMEOUT)
        set(A_TIMEOUT 120)
    endif()
    add_test(NAME ${A_LABEL}/${name} COMMAND ${exe} ${A_ARGS})
    set_tests_properties(${A_LABEL}/${name} PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT}
        ENVIRONMENT "EASGATE_SOURCE=${PROJECT_SOURCE_DIR};EASGATE_BUILD=${PROJECT_BINARY_DIR};${A_ENV}"
        SKIP_RETURN_CODE 77)
    # Memcheck, as a second test of the same program: what it finds beyond ASan is reading what was
    # never written. Programs that fork, wait for servers or count to a million are left out.
    if(EASGATE_VALGRIND AND A_LABEL STREQUAL unit AND name MATCHES
       "^(support|xml|psrp|wsman|exchange|json|config|log|plugin|oauth|graph|intune|ews|auth)/"
       AND NOT name MATCHES "fast|recordings|exports|caller|peer")
        find_program(VALGRIND valgrind)
        if(VALGRIND)
            add_test(NAME valgrind/${name} COMMAND ${VALGRIND} -q --error-exitcode=9 --leak-check=full
                     --errors-for-leak-kinds=definite $<TARGET_FILE:${exe}> ${A_ARGS})
        else()
            add_test(NAME valgrind/${name} COMMAND sh -c "echo 'SKIP: no valgrind'; exit 77")
        endif()
        set_tests_properties(valgrind/${name} PROPERTIES LABELS valgrind TIMEOUT 600
            ENVIRONMENT "EASGATE_SOURCE=${PROJECT_SOURCE_DIR};EASGATE_BUILD=${PROJECT_BINARY_DIR};EASGATE_SLOW=1;${A_ENV}"
            SKIP_RETURN_CODE 77)
    endif()
endfunction()
