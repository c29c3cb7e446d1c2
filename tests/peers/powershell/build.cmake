# SPDX-License-Identifier: Apache-2.0
# dotnet build into OUT; a failed restore is said and survived, a failed compilation is an error.
set(ENV{DOTNET_CLI_TELEMETRY_OPTOUT} 1)
set(ENV{DOTNET_NOLOGO} 1)
set(quiet --nologo --verbosity quiet --artifacts-path ${OUT} --disable-build-servers)
file(REMOVE ${DLL})
execute_process(COMMAND ${DOTNET} restore ${PROJECT} ${quiet}
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
    message(WARNING "the packages of PowerShell's engine could not be restored, its tests will be skipped:\n${said}")
else()
    execute_process(COMMAND ${DOTNET} build ${PROJECT} ${quiet} --no-restore --configuration Release
        RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(failed)
        message(FATAL_ERROR "exchange-peer does not build:\n${said}")
    endif()
endif()
file(TOUCH ${STAMP})
