// SPDX-License-Identifier: Apache-2.0
//
// TLS in front of prism, which speaks plain http, and what prism cannot do: it remembers each
// request with what prism found wrong in it or in its answer, puts the links of the server behind
// into its own name, and adds the Prefer header that a test asked for.
//
//   node front.mjs SETUP.json       prints {"port":N,"shim":N}; ends when standard input ends
//
// SETUP: key, cert, behind (origin whose links are rewritten, and whose tokens are used; may be
// empty), ca (of behind). Agent -> port -> prism -> shim -> behind.
// POST /front/prism {"port":N}
// POST /front/prefer {"path":"regexp","prefer":"code=429","headers":{"Retry-After":"0.2"}}
//   prefer: sent to prism; status, body: answered instead of asking prism; compose {path, n}: a list
//   of n random objects of that path; whole: with ids that are GUIDs, and the last page
// GET  /front/seen                 requests since the last call, as a list
import { readFileSync } from 'node:fs';
import { createServer as createPlain, request as forward } from 'node:http';
import { createServer, request as forwardTls } from 'node:https';
import { randomUUID } from 'node:crypto';

const setup = JSON.parse(readFileSync(process.argv[2], 'utf8'));
let rules = [];
let seen = [];
let port = 0;

function read(stream) {
    return new Promise((done, failed) => {
        const parts = [];
        stream.on('data', (part) => parts.push(part)).on('end', () => done(Buffer.concat(parts))).on('error', failed);
    });
}

function ask(method, path, headers, body) {
    return new Promise((done, failed) => {
        const inner = forward({ port: setup.prism, host: '127.0.0.1', method, path, headers }, async (answer) => {
            done({ status: answer.statusCode, headers: answer.headers, text: (await read(answer)).toString() });
        });
        inner.on('error', failed);
        inner.end(body);
    });
}

// A list of random elements. Prism's own lists are empty as a rule, and now and then it cannot make
// up an element; it is asked again then. `whole` puts ids in, as every answer of Graph has them.
async function compose(rule, headers) {
    const list = [];
    for (let tries = 0; list.length < rule.compose.n && tries < 50; tries++) {
        const answer = await ask('GET', rule.compose.path, { ...headers, prefer: 'dynamic=true' });
        if (answer.status !== 200) continue;
        const element = JSON.parse(answer.text);
        if (rule.whole) element.id = randomUUID();
        list.push(element);
    }
    const page = { value: list };
    if (!rule.whole && Math.random() < 0.3) page['@odata.nextLink'] = 'string';
    return JSON.stringify(page);
}

async function control(req, res) {
    const body = await read(req);
    if (req.url === '/front/prism') setup.prism = JSON.parse(body.toString()).port;
    if (req.url === '/front/prefer') rules = [].concat(JSON.parse(body.toString() || '[]'));
    const out = req.url === '/front/seen' ? seen.splice(0) : {};
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(JSON.stringify(out));
}

// Between prism and the server behind: the description demands @odata.type of every object in an
// answer, while Graph, as documented, sends it only where the type is not the expected one. It is
// put in here, so that prism's word on all the rest can be taken as it is.
function typeOf(path) {
    if (/\/users|graph\.user/.test(path)) return '#microsoft.graph.user';
    if (path.includes('exchangeConnectors')) return '#microsoft.graph.deviceManagementExchangeConnector';
    if (path.includes('managedDevices')) return '#microsoft.graph.managedDevice';
    return '';
}

const shim = createPlain(async (req, res) => {
    const body = await read(req);
    const host = setup.behind.replace('https://', '');
    const path = req.url.replace('/graph.user', '/microsoft.graph.user');
    const inner = forwardTls(setup.behind + path, { method: req.method, ca: readFileSync(setup.ca),
        headers: { ...req.headers, host, 'accept-encoding': 'identity' } }, async (answer) => {
        let text = (await read(answer)).toString();
        const type = answer.statusCode < 300 ? typeOf(req.url) : '';
        if (type && text.startsWith('{')) {
            const json = JSON.parse(text);
            for (const item of Array.isArray(json.value) ? json.value : [json]) {
                item['@odata.type'] = type;
                for (const plan of item.assignedPlans ?? []) plan['@odata.type'] = '#microsoft.graph.assignedPlan';
            }
            if (Array.isArray(json.value)) json['@odata.type'] = `Collection(${type})`;
            text = JSON.stringify(json);
        }
        const out = { ...answer.headers };
        for (const name of ['content-length', 'transfer-encoding', 'connection', 'content-encoding']) delete out[name];
        res.writeHead(answer.statusCode, out);
        res.end(text);
    });
    inner.on('error', () => res.destroy());
    inner.end(body);
});

// The login service behind gives tokens for its own Graph only.
async function signIn(req, res, body) {
    const form = body.toString().replace(encodeURIComponent(`https://localhost:${port}`), encodeURIComponent(setup.behind));
    const inner = forwardTls(setup.behind + req.url, { method: 'POST', ca: readFileSync(setup.ca),
        headers: { 'content-type': 'application/x-www-form-urlencoded' } }, async (answer) => {
        const text = await read(answer);
        res.writeHead(answer.statusCode, { 'content-type': 'application/json' });
        res.end(text);
    });
    inner.on('error', () => res.destroy());
    inner.end(form);
}

async function onRequest(req, res) {
    if (req.url.startsWith('/front/')) return control(req, res);
    const body = await read(req);
    if (setup.behind && req.url.endsWith('/oauth2/v2.0/token')) return signIn(req, res, body);
    const rule = rules.find((r) => new RegExp(r.path).test(`${req.method} ${req.url}`));
    const headers = { ...req.headers, host: `127.0.0.1:${setup.prism}`, 'accept-encoding': 'identity' };
    if (rule?.prefer) headers.prefer = rule.prefer;
    const note = { method: req.method, url: req.url, body: body.toString().slice(0, 4000), headers: req.headers };
    seen.push(note);
    if (rule?.status) {
        note.status = rule.status;
        res.writeHead(rule.status, { 'content-type': 'application/json', ...rule.headers });
        res.end(rule.body ?? '');
        return undefined;
    }
    // The namespace of a cast: requests are documented with microsoft.graph, descriptions shorten it.
    const path = req.url.replace('/microsoft.graph.user', '/graph.user');
    if (rule?.compose) {
        note.status = 200;
        res.writeHead(200, { 'content-type': 'application/json' });
        res.end(await compose(rule, headers));
        return undefined;
    }
    try {
        const answer = await ask(req.method, path, headers, body);
        let text = answer.text;
        note.status = answer.status;
        note.violations = answer.headers['sl-violations'] ?? null;
        if ((answer.headers['content-type'] ?? '').includes('problem+json')) note.problem = text.slice(0, 1000);
        if (setup.behind) text = text.replaceAll(setup.behind, `https://localhost:${port}`);
        const out = { ...answer.headers, ...rule?.headers };
        for (const name of ['content-length', 'transfer-encoding', 'connection', 'content-encoding']) delete out[name];
        res.writeHead(answer.status, out);
        res.end(text);
    } catch {
        res.destroy();
    }
    return undefined;
}

const server = createServer({ key: readFileSync(setup.key), cert: readFileSync(setup.cert) }, onRequest);
await new Promise((done) => server.listen(0, '127.0.0.1', done));
port = server.address().port;
process.stdin.on('end', () => process.exit(0)).resume();
await new Promise((done) => shim.listen(0, '127.0.0.1', done));
console.log(JSON.stringify({ port, shim: shim.address().port }));
