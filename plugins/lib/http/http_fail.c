/* SPDX-License-Identifier: Apache-2.0
 *
 * What a failed transfer means: by libcurl's code, the verify result, the proxy's answer to
 * CONNECT and the alert of TLS, never by a text. The numbers are measured ones: see README.md.
 */
#include "http_private.h"

#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include "err.h"

struct facts {
    CURLcode rc;
    long verify;
    long connect; /* HTTP status of CONNECT, 0: none */
    curl_off_t pretransfer;
    int may_have_run;
};

static int alert_about_client(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED: return 1;
    default: return 0;
    }
}

static easg_status fail_client(const struct http *h, const struct facts *f, easg_error *err)
{
    const char *alert = SSL_alert_desc_string_long(h->tls.alert);

    if (!h->tls.certificate)
        return err_native(err, EASG_E_AUTH, EASG_DOMAIN_CURL, f->rc,
                          "%s: the server wants a client certificate and none is configured (alert "
                          "%d, %s): give it one, auth.certificate",
                          http_endpoint(h), h->tls.alert, alert);
    return err_native(err, EASG_E_AUTH, EASG_DOMAIN_CURL, f->rc,
                      "%s: the server refused our client certificate (alert %d, %s): renew it, or "
                      "let the server trust its issuer",
                      http_endpoint(h), h->tls.alert, alert);
}

static easg_status fail_trust(const struct http *h, const struct facts *f, easg_error *err)
{
    const char *text;

    if (f->rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
        text = "the server's key is not the pinned one: somebody is in between, or it was renewed";
    } else {
        switch (f->verify) {
        case X509_V_OK:
        case X509_V_ERR_UNSPECIFIED:
            text = "the certificate is for another host name: use a name that is in it";
            break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            text = "the certificate is not valid yet: compare the clocks of both machines";
            break;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            text = "the certificate has expired: renew it on the server";
            break;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            text = "the certificate is self-signed and not trusted: name its file as ca_file";
            break;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            text = "the certificate's issuer is not trusted: name the CA's file as ca_file, or let "
                   "the server send its intermediate certificates";
            break;
        case X509_V_ERR_CERT_REVOKED:
            text = "the certificate was revoked: renew it on the server";
            break;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            text = "the certificate's key or signature is too weak: renew it with RSA 2048 and "
                   "SHA-256 or better";
            break;
        default: text = X509_verify_cert_error_string(f->verify); break;
        }
    }
    return err_native(err, EASG_E_UNTRUSTED, EASG_DOMAIN_CURL, f->rc, "%s: %s (verify result %ld)",
                      http_endpoint(h), text, f->verify);
}

static easg_status fail_proxy(const struct http *h, const struct facts *f, easg_error *err)
{
    easg_status st = EASG_E_UNREACHABLE;
    const char *text = "the proxy cannot reach it: check the name, and the proxy's own network";

    if (f->connect == 407) {
        st = EASG_E_AUTH;
        text = h->proxy_headers
                   ? "the proxy refused our log-on: check its user and password; it is "
                     "not tried again until the configuration changes"
                   : "the proxy wants a log-on and none is configured";
    } else if (f->connect == 403) {
        st = EASG_E_DENIED;
        text = "the proxy's policy forbids it: let it pass this host and port";
    }
    return err_native(err, st, EASG_DOMAIN_HTTP, f->connect,
                      "%s: proxy %s answered CONNECT with %ld: %s", http_endpoint(h), h->proxy,
                      f->connect, text);
}

static easg_status fail_handshake(const struct http *h, const struct facts *f, easg_error *err)
{
    const char *text = "the TLS handshake broke off: is TLS spoken on this port";

    if (h->tls.alert == SSL_AD_PROTOCOL_VERSION || h->tls.reason == SSL_R_UNSUPPORTED_PROTOCOL ||
        h->tls.reason == SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED)
        text = "no common version of TLS: the server must speak TLS 1.2 or newer";
    else if (h->tls.alert == SSL_AD_HANDSHAKE_FAILURE)
        text =
            "the server refused the TLS handshake: it offers no common cipher, or wants a client "
            "certificate";
    else if (h->tls.reason == SSL_R_WRONG_VERSION_NUMBER)
        text = "what answers does not speak TLS: check the port";
    return err_native(err, EASG_E_UNREACHABLE, EASG_DOMAIN_CURL, f->rc,
                      "%s: %s (alert %d, reason %d)", http_endpoint(h), text, h->tls.alert,
                      h->tls.reason);
}

static easg_status fail_uncertain(const struct http *h, const struct facts *f, easg_error *err)
{
    const char *how = f->rc == CURLE_OPERATION_TIMEDOUT ? "no complete answer in time"
                      : h->response->status             ? "the answer broke off"
                                            : "the connection was lost before an answer";

    return err_native(err, EASG_E_UNCERTAIN, EASG_DOMAIN_CURL, f->rc,
                      "%s: %s after the request was handed over: it may or may not have run (%s)",
                      http_endpoint(h), how, curl_easy_strerror(f->rc));
}

static easg_status fail_timeout(const struct http *h, const struct facts *f, easg_error *err)
{
    if (f->pretransfer > 0)
        return err_native(err, EASG_E_TIMEOUT, EASG_DOMAIN_CURL, f->rc,
                          "%s: no complete answer within %lld ms: is the server overloaded",
                          http_endpoint(h), (long long)h->request->timeout_ms);
    return err_native(err, EASG_E_TIMEOUT, EASG_DOMAIN_CURL, f->rc,
                      "%s: no connection within %u ms: %s", http_endpoint(h), h->connect_timeout_ms,
                      h->via_proxy ? "is the proxy alive"
                                   : "is the host up, does a firewall drop it");
}

static easg_status fail_connection(const struct http *h, const struct facts *f, easg_error *err)
{
    long os = 0;
    const char *text;

    curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &os);
    switch (f->rc) {
    case CURLE_COULDNT_RESOLVE_PROXY:
        text = "the proxy's name is not known: check it, and DNS";
        break;
    case CURLE_COULDNT_RESOLVE_HOST: text = "the name is not known: check it, and DNS"; break;
    case CURLE_COULDNT_CONNECT:
        text = h->via_proxy ? "the proxy takes no connection: check its address, is it running"
                            : "no connection: is the service running, is the port right";
        break;
    default:
        text = f->pretransfer > 0 ? "the connection was lost before the answer was complete"
                                  : "the connection was lost while it was being made";
        break;
    }
    return err_native(err, EASG_E_UNREACHABLE, EASG_DOMAIN_CURL, f->rc,
                      "%s: %s (%s, system error %ld)", http_endpoint(h), text,
                      curl_easy_strerror(f->rc), os);
}

static easg_status by_code(const struct http *h, const struct facts *f, easg_error *err)
{
    switch (f->rc) {
    case CURLE_OUT_OF_MEMORY: return err_nomem(err);
    case CURLE_OPERATION_TIMEDOUT: return fail_timeout(h, f, err);
    case CURLE_SSL_CONNECT_ERROR: return fail_handshake(h, f, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return fail_trust(h, f, err);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
        return err_native(err, EASG_E_CONFIG, EASG_DOMAIN_CURL, f->rc,
                          "%s: our own TLS settings do not work: %s", http_endpoint(h),
                          curl_easy_strerror(f->rc));
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_PROXY: return fail_connection(h, f, err);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return err_native(err, EASG_E_PROTOCOL, EASG_DOMAIN_CURL, f->rc,
                          "%s: what answers does not speak HTTP: check the port (%s)",
                          http_endpoint(h), curl_easy_strerror(f->rc));
    default:
        return err_native(err, EASG_E_FAIL, EASG_DOMAIN_CURL, f->rc, "%s: %s", http_endpoint(h),
                          curl_easy_strerror(f->rc));
    }
}

static int lost_on_the_way(const struct facts *f)
{
    switch (f->rc) {
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND: return f->pretransfer > 0;
    default: return 0;
    }
}

easg_status http_fail(struct http *h, CURLcode rc, easg_error *err)
{
    const struct http_request *r = h->request;
    struct facts f = { .rc = rc };

    curl_easy_getinfo(h->curl, CURLINFO_SSL_VERIFYRESULT, &f.verify);
    curl_easy_getinfo(h->curl, CURLINFO_HTTP_CONNECTCODE, &f.connect);
    curl_easy_getinfo(h->curl, CURLINFO_PRETRANSFER_TIME_T, &f.pretransfer);
    f.may_have_run = h->response->body_taken || lost_on_the_way(&f);

    if (rc == CURLE_WRITE_ERROR && h->own != EASG_OK) {
        /* A refusal of ours; only where the peer's bytes are at fault is the outcome open. */
        if (h->own == EASG_E_PROTOCOL && !r->on_body && !r->idempotent && h->response->body_taken)
            return err_at(err, EASG_E_UNCERTAIN, "the request may or may not have run");
        return h->own;
    }
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return err_set(err, EASG_E_CANCELLED, "%s: cancelled%s", http_endpoint(h),
                       f.may_have_run && !r->idempotent ? "; the request may have run" : "");
    if (h->via_proxy && f.connect != 0 && (f.connect < 200 || f.connect > 299))
        return fail_proxy(h, &f, err);
    /* TLS 1.3 refuses a client certificate after the client has finished, so the body may be on
     * its way; a server that refused us has not run it. */
    if (h->tls.alert >= 0 && (alert_about_client(h->tls.alert) || h->tls.asked) &&
        h->response->status == 0 && h->response->opened_connection)
        return fail_client(h, &f, err);
    if (f.may_have_run && !r->idempotent)
        return fail_uncertain(h, &f, err);
    return by_code(h, &f, err);
}
