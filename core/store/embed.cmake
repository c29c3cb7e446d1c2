# SPDX-License-Identifier: Apache-2.0
# Writes OUT: a C file with each of FILES (numbered SQL, in order) as a byte array.
set(text "/* Made from core/store/schema by embed.cmake. */\n#include \"store_db.h\"\n\n")
set(table "")
set(n 0)
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
           "\\1\n" bytes "${bytes}")
    math(EXPR n "${n} + 1")
    string(APPEND text "static const char sql_${n}[] = {\n${bytes}0 };\n\n")
    string(APPEND table "    { \"${name}\", sql_${n} },\n")
endforeach()
string(APPEND text "const struct db_migration db_migrations[] = {\n${table}};\n")
string(APPEND text "const int db_migrations_n = ${n};\n")
file(WRITE ${OUT} "${text}")
