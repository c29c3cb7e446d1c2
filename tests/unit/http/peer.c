/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and ending one server of a test. It ends by itself with us: its standard input is ours.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *peer_python(void)
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t len = strcspn(path, ":");
        char file[4096];

        snprintf(file, sizeof file, "%.*s/python3", (int)len, path);
        if (access(file, X_OK) == 0)
            return "python3";
        path += len + (path[len] == ':');
    }
    return NULL;
}

static int read_ready(struct peer *p, FILE *f)
{
    char line[256];

    while (fgets(line, sizeof line, f)) {
        size_t len = strlen(line);

        if (len >= 6 && strcmp(line + len - 6, "ready\n") == 0)
            return 0;
        if (p->n < PEER_MAX &&
            sscanf(line, "%31s %d", p->ports[p->n].name, &p->ports[p->n].port) == 2)
            p->n++;
    }
    return -1;
}

int peer_start(struct peer *p, char *const *argv)
{
    posix_spawn_file_actions_t actions;
    int in[2], out[2], rc;
    FILE *f;

    memset(p, 0, sizeof *p);
    p->stdin_fd = -1;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    rc = posix_spawnp(&p->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    p->stdin_fd = in[1];
    f = fdopen(out[0], "r");
    if (rc != 0 || !f || read_ready(p, f) != 0) {
        printf("# %s %s did not get ready\n", argv[0], argv[1] ? argv[1] : "");
        p->pid = rc == 0 ? p->pid : 0;
        peer_stop(p);
        rc = -1;
    }
    if (f)
        fclose(f);
    return rc == 0 ? 0 : -1;
}

int peer_port(const struct peer *p, const char *name)
{
    for (int i = 0; i < p->n; i++) {
        if (strcmp(p->ports[i].name, name) == 0)
            return p->ports[i].port;
    }
    return 0;
}

void peer_stop(struct peer *p)
{
    int status;

    if (p->stdin_fd >= 0)
        close(p->stdin_fd);
    p->stdin_fd = -1;
    if (p->pid > 0) {
        kill(p->pid, SIGTERM);
        while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    p->pid = 0;
}
