// SPDX-License-Identifier: Apache-2.0
//
// TLS in front of prism, which speaks plain http, and what prism cannot do: it remembers each
// request with what prism found wrong in it or in its answer, puts the links of the server behind
// into its own name, and adds the Prefer header that a test asked for.
//
//   node front.mjs SETUP.json       prints {"port":N}; ends when standard input ends
//
// SETUP: key, cert, prism (port of prism), behind (origin whose links are rewritten; may be empty).
// POST /front/prefer {"path":"regexp","prefer":"code=429","headers":{"Retry-After":"0.2"},"whole":true}
//   prefer: sent to prism; status: answered instead of asking prism; whole: members that the client
//   must be able to rely on (ids that are GUIDs, no next page) are put in the place of random ones.
// GET  /front/seen                 requests since the last call, as a list
import { readFileSync } from 'node:fs';
import { request as forward } from 'node:http';
import { createServer } from 'node:https';
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

// Random where the schema leaves it open, except for what every answer of Graph has.
function reliable(value) {
    if (Array.isArray(value)) return value.map(reliable);
    if (value === null || typeof value !== 'object') return value;
    const out = {};
    for (const [name, member] of Object.entries(value)) {
        if (name === '@odata.nextLink' || name === '@odata.deltaLink' || name === '@odata.count') continue;
        out[name] = name === 'id' ? randomUUID() : reliable(member);
    }
    if ('value' in out && Array.isArray(out.value))
        for (const item of out.value) if (item && typeof item === 'object') item.id = randomUUID();
    return out;
}

async function control(req, res) {
    const body = await read(req);
    if (req.url === '/front/prefer') rules = [].concat(JSON.parse(body.toString() || '[]'));
    const out = req.url === '/front/seen' ? seen.splice(0) : {};
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(JSON.stringify(out));
}

async function onRequest(req, res) {
    if (req.url.startsWith('/front/')) return control(req, res);
    const body = await read(req);
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
    const inner = forward({ port: setup.prism, host: '127.0.0.1', method: req.method, path: req.url, headers }, async (answer) => {
        let text = (await read(answer)).toString();
        note.status = answer.statusCode;
        note.violations = answer.headers['sl-violations'] ?? null;
        const json = answer.headers['content-type'] ?? '';
        if (json.includes('problem+json')) note.problem = text.slice(0, 1000);
        if (setup.behind) text = text.replaceAll(setup.behind, `https://localhost:${port}`);
        if (rule?.whole && text.startsWith('{')) text = JSON.stringify(reliable(JSON.parse(text)));
        const out = { ...answer.headers, ...rule?.headers };
        for (const name of ['content-length', 'transfer-encoding', 'connection', 'content-encoding']) delete out[name];
        res.writeHead(answer.statusCode, out);
        res.end(text);
    });
    inner.on('error', () => res.destroy());
    inner.end(body);
    return undefined;
}

const server = createServer({ key: readFileSync(setup.key), cert: readFileSync(setup.cert) }, onRequest);
await new Promise((done) => server.listen(0, '127.0.0.1', done));
port = server.address().port;
process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ port }));
