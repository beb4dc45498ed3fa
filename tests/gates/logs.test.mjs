// What a hub says in its log is for its operator alone, and still no place for secrets. Every suite looks at the logs of its
// hubs as they stop; here the look itself is tried.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { faultsIn, startHubs } from '../support/hub.mjs';
import { secretsGiven } from '../support/person.mjs';

test('a panic and a secret are faults, and nothing else is', () => {
  const secrets = new Set(['ticket-0123456789', 'not in it at all']);
  const quiet = '{"level":"ERROR","message":"the database is full"}\n{"message":"the hub panics about nothing"}\n';
  assert.deepEqual(faultsIn(quiet, secrets), []);
  const panic = "thread 'tokio-runtime-worker' panicked at crates/terminal/src/session.rs:1:1:";
  assert.deepEqual(faultsIn(`${quiet}${panic}\nsome words\n`, secrets), [panic]);
  assert.deepEqual(faultsIn(`${quiet}{"link":"sp1.ticket-0123456789"}`, secrets), ['a secret that ends with 6789']);
});

test('a suite whose hub panicked fails as it stops the hub, and what was in the log before is not held against it', async () => {
  const hubs = await startHubs();
  const bob = await hubs.hub.signIn('bob');
  for (const secret of [bob.cookie.split('=')[1], bob.csrf]) assert.ok(secretsGiven.has(secret));
  await hubs.hub.stop();
  appendFileSync(hubs.hub.logFile, "thread 'main' panicked at the test's own hand\n");
  await assert.rejects(hubs.stop(), /panicked at the test's own hand/);
});
