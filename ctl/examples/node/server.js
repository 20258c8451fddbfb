// SPDX-License-Identifier: MIT
// A service for TooLoo in Node.js, without packages:
//
//   toolooctl add hello --watch . --on-change swap -- node server.js
//
// systemd listens and hands its socket over as descriptor 3. So nobody is refused while this program restarts, and two
// generations of it can take connections side by side while one replaces the other.
'use strict';
const http = require('http');

const GREETING = 'Hello from Node';

const server = http.createServer((request, response) => {
  if (request.url === '/health') {
    response.setHeader('Content-Type', 'application/json');
    response.end('{"status":"healthy"}\n');
    return;
  }
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${GREETING}\n`);
});

// Without LISTEN_FDS it runs by hand, too: PORT=4000 node server.js
if (process.env.LISTEN_FDS) server.listen({ fd: 3 });
else server.listen(process.env.PORT, '127.0.0.1');

// The open requests are answered, idle connections closed; what comes from now on waits in systemd's socket.
process.on('SIGTERM', () => {
  server.prependListener('request', (request, response) => response.setHeader('Connection', 'close'));
  // Not server.close(): since Node 19 it also cuts a connection that was accepted and whose request is not read yet.
  require('net').Server.prototype.close.call(server, () => process.exit(0));
  setTimeout(() => server.closeIdleConnections(), 500);
});
