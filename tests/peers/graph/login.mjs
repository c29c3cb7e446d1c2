// SPDX-License-Identifier: Apache-2.0
//
// oidc-provider as Entra's token endpoint. The provider judges the credentials; what Entra has
// beside OpenID Connect is put around it: the path, one scope that ends in /.default, the
// thumbprint in the assertion's header, and the shape of the error body.
//
//   node login.mjs SETUP.json       prints {"port":N}; ends when standard input ends
//
// SETUP: tenant, client_id, client_secret, app (PEM of the certificate that is registered), key and
// cert (PEM files of the server), graph (the audience).
import { createHash, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createPlain, request as forward } from 'node:http';
import { createServer } from 'node:https';
import Provider, { errors } from 'oidc-provider';

const setup = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const app = new X509Certificate(readFileSync(setup.app));
const thumb = (name) => createHash(name).update(app.raw).digest('base64url');
const secretClient = setup.client_id.replace(/^./, 'f');
let port = 0;
let graph = setup.graph;
const used = [];

const front = createServer({ key: readFileSync(setup.key), cert: readFileSync(setup.cert) }, onRequest);

function describe(error, detail) {
    const numbers = [[/tenant/i, 90002], [/\baud/i, 700023], [/expired|exp|nbf|iat|before|active/i, 700024], [/secret/i, 7000215],
        [/signature|once|replay|jti|jwt|thumbprint|alg/i, 700027], [/iss|sub/i, 700021]];
    if (error === 'invalid_scope') return 1002012;
    if (/client not found|client is invalid/i.test(detail)) return 700016;
    for (const [words, number] of numbers) if (words.test(detail)) return number;
    return 7000218;
}

function refuse(res, status, error, detail) {
    const number = describe(error, detail);
    const stamp = new Date().toISOString().slice(0, 19) + 'Z';
    used.push({ status, error, detail, number });
    res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
    res.end(JSON.stringify({
        error, error_description: `AADSTS${number}: ${detail} Trace ID: ${randomUUID()} Timestamp: ${stamp}`,
        error_codes: [number], timestamp: stamp, trace_id: randomUUID(), correlation_id: randomUUID(),
        error_uri: `https://localhost:${port}/error?code=${number}`,
    }));
}

function assertionHeader(jwt) {
    try {
        return JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url').toString());
    } catch {
        return {};
    }
}

async function onRequest(req, res) {
    let body = '';
    for await (const part of req) body += part;
    if (req.url === '/test/used') {
        res.end(JSON.stringify(used.splice(0)));
        return;
    }
    if (req.url.startsWith('/test/graph?')) {
        graph = decodeURIComponent(req.url.slice(12));
        res.end('{}');
        return;
    }
    if (req.method !== 'POST' || !req.url.endsWith('/oauth2/v2.0/token')) {
        res.writeHead(404).end();
        return;
    }
    if (req.url !== `/${setup.tenant}/oauth2/v2.0/token`) {
        refuse(res, 400, 'invalid_request', 'the tenant is not found');
        return;
    }
    const form = new URLSearchParams(body);
    const assertion = form.get('client_assertion');
    if (form.get('scope') !== `${graph}/.default`) {
        refuse(res, 400, 'invalid_scope', `The provided value for scope ${form.get('scope')} is not valid.`);
        return;
    }
    if (assertion) {
        const header = assertionHeader(assertion);
        if (header.alg === 'PS256' ? header['x5t#S256'] !== thumb('sha256') : header.x5t !== thumb('sha1')) {
            refuse(res, 401, 'invalid_client', 'thumbprint: the certificate is not registered');
            return;
        }
    } else if (form.get('client_id') === setup.client_id) {
        form.set('client_id', secretClient); // one registration of the provider has one method
    }
    form.delete('scope');
    const inner = forward({ port: behind.address().port, host: '127.0.0.1', method: 'POST', path: req.url,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-proto': 'https',
            'x-forwarded-host': `localhost:${port}` } }, async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        const json = JSON.parse(text);
        if (answer.statusCode !== 200) {
            refuse(res, answer.statusCode, json.error, `${answer.headers['x-detail'] ?? json.error_description}.`);
            return;
        }
        used.push({ status: 200, alg: assertion ? assertionHeader(assertion).alg : 'secret' });
        res.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
        res.end(JSON.stringify({ token_type: json.token_type, expires_in: json.expires_in, ext_expires_in: json.expires_in,
            access_token: json.access_token }));
    });
    inner.on('error', () => res.destroy());
    inner.end(form.toString());
}

let provider;
const behind = createPlain((req, res) => {
    req.originalUrl = req.url; // mounted below the tenant
    req.url = req.url.slice(setup.tenant.length + 1);
    provider.callback()(req, res);
});
await new Promise((done) => behind.listen(0, '127.0.0.1', done));
await new Promise((done) => front.listen(0, '127.0.0.1', done));
port = front.address().port;
const endpoint = `https://localhost:${port}/${setup.tenant}/oauth2/v2.0/token`;

provider = new Provider(`https://localhost:${port}/${setup.tenant}`, {
    clients: [
        { client_id: setup.client_id, token_endpoint_auth_method: 'private_key_jwt', grant_types: ['client_credentials'],
            redirect_uris: [], response_types: [], jwks: { keys: [app.publicKey.export({ format: 'jwk' })] } },
        { client_id: secretClient, client_secret: setup.client_secret, token_endpoint_auth_method: 'client_secret_post',
            grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
    ],
    clientAuthMethods: ['private_key_jwt', 'client_secret_post'],
    enabledJWA: { clientAuthSigningAlgValues: ['PS256', 'RS256'] },
    // The provider also takes its issuer as audience, and knows no nbf; Entra does.
    assertJwtClientAuthClaimsAndHeader: (ctx, claims) => {
        const now = Date.now() / 1000;
        if (claims.aud !== endpoint) throw new errors.InvalidClientAuth('aud is not the token endpoint');
        if (claims.sub !== claims.iss) throw new errors.InvalidClientAuth('sub is not the app');
        if (!(claims.nbf <= now + 15) || !(claims.exp - claims.nbf <= 600)) throw new errors.InvalidClientAuth('nbf and exp are outside the time allowed');
    },
    routes: { token: '/oauth2/v2.0/token' },
    features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
            enabled: true,
            defaultResource: () => graph,
            useGrantedResource: () => true,
            getResourceServerInfo: () => ({ scope: '', audience: graph, accessTokenTTL: 3599, accessTokenFormat: 'jwt',
                jwt: { sign: { alg: 'RS256' } } }),
        },
    },
    extraTokenClaims: () => ({ tid: setup.tenant, roles: ['User.Read.All', 'GroupMember.Read.All'] }),
});
provider.proxy = true;
provider.on('grant.error', (ctx, error) => {
    const why = error.cause?.message ?? error.error_detail ?? error.error_description ?? error.message;
    ctx.set('x-detail', String(why).replace(/[^\x20-\x7e]/g, ' '));
});
process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ port }));
