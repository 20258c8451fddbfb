// SPDX-License-Identifier: MIT
// The peer of tests/fixtures/modules/echo.c for the tools of the Node world: same endpoints, same answers.
'use strict';
const http = require('http');
const { WebSocketServer } = require('ws');

const VALUE = 1;

function answer(request, response) {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/echo' || url.pathname === '/node/echo' || url.pathname === '/health') {
    const body = JSON.stringify({ generation: VALUE, value: VALUE });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    return response.end(body);
  }
  if (url.pathname === '/events') {
    let n = 0;
    const send = () => response.write(`data: ${JSON.stringify({ generation: VALUE, n: n++ })}\n\n`);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    send();
    const timer = setInterval(send, Number(url.searchParams.get('ms') || 100));
    return response.on('close', () => clearInterval(timer));
  }
  response.writeHead(404);
  return response.end();
}

const server = http.createServer({ keepAliveTimeout: 60000 }, answer);
const sockets = new WebSocketServer({ server, path: '/ws' });
sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(`${VALUE}:${text}`)));
server.listen(Number(process.env.PORT), '127.0.0.1', 4096);

// What pm2's manual asks for, so that its reload cuts no request.
if (process.env.GRACEFUL)
  process.on('SIGINT', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
