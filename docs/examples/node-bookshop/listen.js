// What the three services share: a JSON server on 127.0.0.1.
'use strict';
const http = require('node:http');

exports.serve = (answer) => {
  const server = http.createServer(async (request, response) => {
    const [status, body] = request.url === '/healthz' ? [200, { ok: true }] : await answer(new URL(request.url, 'http://x'));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  process.on('SIGTERM', () => process.exit(0));
  server.listen(Number(process.env.PORT), '127.0.0.1');
};
