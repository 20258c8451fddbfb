// SPDX-License-Identifier: MIT
// A Node server as people write one for a socket of systemd's, for nodemon and for pm2: the same file for all of them. It finishes
// open requests when it is told to end.
'use strict';
const http = require('http');
const net = require('net');

const VALUE = 1;
const SLOW = Number(process.env.SLOW_START_MS || 0); // a slow starter loads for so long

const server = http.createServer((request, response) => {
  const body = JSON.stringify({ generation: VALUE, value: VALUE });
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
});

function end() {
  server.prependListener('request', (request, response) => response.setHeader('Connection', 'close'));
  // Not server.close(), which since Node 19 also cuts connections that are idle: a new one, of which the request has not been
  // read yet, looks as idle as one that is kept.
  net.Server.prototype.close.call(server, () => process.exit(0));
  setTimeout(() => server.closeIdleConnections(), 500);
}
process.on('SIGTERM', end);
process.on('SIGINT', end); // what pm2 sends

setTimeout(() => {
  if (process.env.LISTEN_FDS) server.listen({ fd: 3 });
  else server.listen(Number(process.env.PORT), '127.0.0.1', 4096);
}, SLOW);
