#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""smtpd.py CERT DIR: aiosmtpd on loopback with STARTTLS and AUTH; writes each mail to DIR/N.eml.
What the local part of a recipient says is done: nobody (550), full (552), later (451), lost (taken,
and the connection ends without an answer), cut (the connection ends within the data)."""
import asyncio
import os
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Box:
    def __init__(self, where):
        self.where, self.n = where, 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        word = address.split("@")[0]
        if word == "nobody":
            return "550 5.1.1 no such user"
        if word == "later":
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        word = envelope.rcpt_tos[0].split("@")[0]
        if word == "full":
            return "552 5.3.4 too large"
        self.n += 1
        name = os.path.join(self.where, f"{self.n}.eml")
        with open(name + ".part", "wb") as f:
            f.write(envelope.original_content)
        os.rename(name + ".part", name)
        if word == "lost":
            server.transport.abort()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"notify" and data.password == b"geheim"
    return AuthResult(success=ok, handled=ok or False)


async def serve(cert, where):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    box = Box(where)
    loop = asyncio.get_running_loop()

    def with_tls():
        return SMTP(box, hostname="localhost", tls_context=context, require_starttls=True,
                    auth_required=True, authenticator=authenticate)

    def without_tls():
        return SMTP(box, hostname="localhost")

    first = await loop.create_server(with_tls, "127.0.0.1", 0)
    second = await loop.create_server(without_tls, "127.0.0.1", 0)
    print("smtp", first.sockets[0].getsockname()[1])
    print("plain", second.sockets[0].getsockname()[1])
    print("ready", flush=True)
    end = loop.create_future()
    threading.Thread(target=lambda: (sys.stdin.read(),
                                     loop.call_soon_threadsafe(end.set_result, None)),
                     daemon=True).start()
    await end


asyncio.run(serve(*sys.argv[1:3]))
