// The front: sends whoever asks for a film on to a node, with a token that nginx's secure_link knows.
// The file `mishaps` may hold what is to go wrong with the next redirects, a word a line.

import crypto from 'crypto';
import fs from 'fs';

const NODES = ['dn600101.us.archive.org', 'dn600102.us.archive.org'];
const MISHAPS = 'mishaps';

function download(r) {
    const secret = r.variables.token_secret;
    const now = Math.floor(Date.now() / 1000);
    const good = now + Number(r.variables.token_seconds);
    // nginx checks the path without its percent-encoding, and the client keeps it.
    const path = r.uri.replace('/download/', '/0/items/');
    const target = r.variables.request_uri.replace('/download/', '/0/items/');
    let query;
    switch (nextMishap()) {
    case 'expired': // As from a cache in front of the front.
        query = token(path, now - 60, secret);
        break;
    case 'forged':
        query = token(path, good, 'guessed');
        break;
    case 'bare':
        query = '';
        break;
    default:
        query = token(path, good, secret);
    }
    const node = NODES[r.variables.connection_requests % NODES.length];

    r.status = 302;
    r.headersOut['Content-Type'] = 'text/html; charset=UTF-8';
    r.headersOut['Location'] = `https://${node}${target}${query}`;
    // A body of a length that the head does not tell, as archive.org has it: nginx sends it chunked.
    r.sendHeader();
    r.send('<html><head><title>302 Found</title></head>\n');
    r.send('<body><h1>302 Found</h1></body></html>\n');
    r.finish();
}

function token(path, expires, secret) {
    const md5 = crypto.createHash('md5').update(`${expires}${path} ${secret}`).digest('base64url');
    return `?md5=${md5}&expires=${expires}`;
}

function nextMishap() {
    const words = fs.readFileSync(MISHAPS, 'utf8').split('\n');
    const next = words.shift();
    fs.writeFileSync(MISHAPS, words.join('\n'));
    return next;
}

export default {download};
