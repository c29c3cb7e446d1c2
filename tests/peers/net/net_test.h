/* SPDX-License-Identifier: Apache-2.0
 *
 * net_test.h - the servers of net.py, and one request to them by our own auth and http.
 */
#ifndef EASG_NET_TEST_H
#define EASG_NET_TEST_H

#include "../../unit/http/peer.h"
#include "auth.h"
#include "check.h"
#include "err.h"

#define NET_REALM    "EXCHANGE.TEST"
#define NET_PASSWORD "Passw0rd!"

/* 0; 77 after a line SKIP; 1 after a message. */
int net_start(void);
void net_stop(void);
/* DIR/name; sixty-four in turn. */
const char *net_file(const char *name);
/* A port, or "kdc-pid". */
int net_number(const char *name);
/* How many lines of a log in DIR/log hold `what`. */
int net_log_lines(const char *log, const char *what);
/* The same, once there are `want` of them or a few seconds have passed: servers write their logs
 * after their answers. */
int net_log_until(const char *log, const char *what, int want);
/* Which krb5.conf libkrb5 reads from now on. */
void net_krb5_conf(const char *name);
/* The whole file, with a NUL; the length without it. Up to 16 kB, until the next call. */
const char *net_slurp(const char *name, size_t *len);

/* A client that trusts our CA, whatever else `o` says. */
struct http *net_http(struct http_options o);
/* Posts `payload` and keeps the body. `a` may be NULL. */
easg_status net_post(struct auth *a, struct http *h, const char *server, const char *path,
                     const char *payload, int64_t timeout_ms, struct http_response *resp,
                     easg_error *err);
const char *net_body(void);
/* auth_create_account(), checked. */
struct auth *net_account(struct auth_account account);

/* The two halves; exit codes. */
int net_test_logon(void);
int net_test_way(void);

#endif
