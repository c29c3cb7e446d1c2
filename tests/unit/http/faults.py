# SPDX-License-Identifier: Apache-2.0
"""faults.py DIR - HTTPS servers and CONNECT proxies that misbehave on purpose, on free ports of
loopback. DIR holds the certificates. Ends when standard input closes."""
import gzip
import os
import socket
import ssl
import struct
import sys
import threading
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is offered on purpose
DIR = sys.argv[1]
counts = {}
lock = threading.Lock()


def count(name):
    with lock:
        counts[name] = counts.get(name, 0) + 1
        return counts[name]


def context(cert, **kw):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kw.get("weak"):
        ctx.set_ciphers("ALL:@SECLEVEL=0")
    if "low" in kw:
        ctx.minimum_version = kw["low"]
    if "high" in kw:
        ctx.maximum_version = kw["high"]
    ctx.load_cert_chain(f"{DIR}/{cert}.pem")
    if kw.get("client"):
        ctx.verify_mode = ssl.CERT_REQUIRED
        ctx.load_verify_locations(f"{DIR}/ca.crt")
    return ctx


def reset(sock):
    """RST instead of FIN."""
    raw = sock
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    fd = raw.detach()
    os.close(fd)


def drain(sock):
    try:
        sock.settimeout(2)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    except OSError:
        pass
    sock.close()


def read_request(f):
    line = f.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while True:
        h = f.readline()
        if h in (b"\r\n", b""):
            break
        k, v = h.decode("latin-1").split(":", 1)
        headers[k.lower()] = v.strip()
    body = f.read(int(headers.get("content-length", "0")))
    return method, path, headers, body


def answer(status, body=b"", headers=(), length=True):
    lines = [f"HTTP/1.1 {status} X", "Date: Tue, 24 Nov 2026 10:00:00 GMT"]
    lines += list(headers)
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


CHUNKED = answer(200, b"", ["Transfer-Encoding: chunked"], length=False)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def act(conn, method, path, headers, body, jar):
    """Answers one request; False ends the connection."""
    name = path.split("?")[0]
    if name == "/count":
        conn.sendall(answer(200, str(counts.get(path.split("?")[1], 0)).encode()))
        return True
    if name == "/ok":
        conn.sendall(answer(200, b"hello", ["Content-Type: Text/Plain; charset=utf-8"]))
    elif name == "/echo":
        text = f"{method} {path} {headers.get('content-type')} {headers.get('expect')} ".encode()
        conn.sendall(answer(200, text + body))
    elif name == "/headers":
        conn.sendall(answer(200, repr(sorted(headers.items())).encode()))
    elif name == "/chunked":
        conn.sendall(CHUNKED + chunk(b"hello ") + chunk(b"world") + b"0\r\nX-Trailer: no\r\n\r\n")
    elif name == "/cookie":
        conn.sendall(answer(200, headers.get("cookie", "none").encode(),
                            ["Set-Cookie: MS-WSMAN=abc; path=/; secure"]))
    elif name == "/gzip":
        assert headers.get("accept-encoding") == "gzip"
        conn.sendall(answer(200, gzip.compress(b"hello packed"), ["Content-Encoding: gzip"]))
    elif name == "/bomb":
        conn.sendall(answer(200, gzip.compress(b"\0" * 5_000_000), ["Content-Encoding: gzip"]))
    elif name == "/interim":
        conn.sendall(b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" + answer(200, b"after"))
    elif name == "/nocontent":
        conn.sendall(answer(204, b"", length=False))
    elif name == "/close":  # executed, then closed without a word
        count(name)
        return False
    elif name == "/rst":
        count(name)
        reset(conn)
        return None
    elif name == "/cut-chunk":
        conn.sendall(CHUNKED + chunk(b"x" * 1000) + b"400\r\n" + b"y" * 100)
        return False
    elif name == "/cut-chunk-rst":
        conn.sendall(CHUNKED + chunk(b"x" * 1000) + b"400\r\n" + b"y" * 100)
        time.sleep(0.05)  # let it arrive before the RST throws it away
        reset(conn)
        return None
    elif name == "/no-last-chunk":
        conn.sendall(CHUNKED + chunk(b"x" * 1000))
        return False
    elif name == "/short":
        conn.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 5000\r\n\r\n" + b"x" * 100)
        return False
    elif name == "/nolength":
        conn.sendall(answer(200, b"x" * 100, length=False))
        return False
    elif name == "/error-nolength":
        conn.sendall(answer(503, b"broken balancer", length=False))
        return False
    elif name == "/badchunk":
        conn.sendall(CHUNKED + b"zz\r\nxx\r\n")
    elif name == "/garbage":
        conn.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)
        return False
    elif name == "/bighead":
        conn.sendall(answer(200, b"", ["X-Fill: " + "f" * 1000] * 310))
    elif name == "/hang":
        count(name)
        conn.recv(1)
        return False
    elif name == "/endless":
        try:
            conn.sendall(CHUNKED)
            while True:
                conn.sendall(chunk(b"z" * 65536))
        except OSError:
            return False
    elif name == "/status":
        code = int(path.split("?")[1])
        extra = {401: ["WWW-Authenticate: Negotiate", "WWW-Authenticate: Basic realm=\"x\""],
                 429: ["Retry-After: 2.128"],
                 503: ["Retry-After: Tue, 24 Nov 2026 10:00:30 GMT"],
                 302: ["Location: https://evil.example/"]}.get(code, [])
        conn.sendall(answer(code, b"why", extra + ["request-id: 11-22"]))
    else:
        conn.sendall(answer(404, b"no such path"))
    return True


def serve_conn(sock, ctx, jar):
    conn = sock
    if ctx:
        conn = ctx.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        try:
            conn.do_handshake()
        except (OSError, ValueError):
            # Unread bytes at close() would be an RST, and could overtake our alert.
            raw = socket.socket(fileno=conn.detach())
            drain(raw)
            return
    f = conn.makefile("rb")
    try:
        while True:
            req = read_request(f)
            if req is None:
                break
            more = act(conn, *req, jar)
            if more is None:
                return
            if not more:
                break
        if isinstance(conn, ssl.SSLSocket):
            try:
                conn.settimeout(0.2)
                conn.unwrap()
            except (OSError, ValueError):
                pass
    except ValueError:
        if not ctx:  # a client that speaks TLS to a plain server
            conn.sendall(answer(400, b"plain HTTP here"))
            drain(conn)
    except (OSError, AssertionError):
        pass
    finally:
        f.close()
        conn.close()


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def proxy_conn(sock, kind):
    f = sock.makefile("rb")
    try:
        req = read_request(f)
        if req is None:
            return
        method, target, headers, _ = req
        count("proxy-auth-leak" if "authorization" in headers else "proxy-requests")
        if method != "CONNECT":
            sock.sendall(answer(400))
        elif kind == "close":
            return
        elif kind == "garbage":
            sock.sendall(b"what?\r\n\r\n")
        elif kind == "hang":
            sock.recv(1)
        elif kind != "ok":
            sock.sendall(answer(int(kind), b"", ["Proxy-Authenticate: Basic realm=\"p\""]))
        elif headers.get("proxy-authorization") != "Basic cHJveHk6c2VjcmV0":
            sock.sendall(answer(407, b"", ["Proxy-Authenticate: Basic realm=\"p\""]))
        else:
            host, port = target.rsplit(":", 1)
            try:
                out = socket.create_connection(("127.0.0.1", int(port)), 2)
            except OSError:
                sock.sendall(answer(503))
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            threading.Thread(target=pump, args=(out, sock), daemon=True).start()
            pump(sock, out)
    except (OSError, ValueError):
        pass
    finally:
        f.close()
        sock.close()


def listen(name, handler):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    print(name, s.getsockname()[1])

    def loop():
        while True:
            conn, _ = s.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handler, args=(conn,), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def https(name, ctx):
    listen(name, lambda c: serve_conn(c, ctx, name))


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
https("main", context("good"))
for cert in ("selfsigned", "otherca", "expired", "notyet", "wronghost", "cnonly"):
    https(cert, context(cert))
https("weak", context("weak", weak=True))
https("tls11", context("good", weak=True, low=ssl.TLSVersion.TLSv1, high=ssl.TLSVersion.TLSv1_1))
https("tls12", context("good", high=V12))
https("client12", context("good", client=True, high=V12))
https("client13", context("good", client=True, low=V13))
https("plain", None)
held = []
listen("mute", held.append)
listen("closer", lambda c: c.close())
for kind in ("ok", "407", "403", "503", "502", "close", "garbage", "hang"):
    listen("proxy-" + kind, lambda c, k=kind: proxy_conn(c, k))
dead = socket.socket()
dead.bind(("127.0.0.1", 0))  # bound, never listening: refused
print("dead", dead.getsockname()[1])
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
