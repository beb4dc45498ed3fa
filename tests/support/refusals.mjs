// What a refusal must look like at each gate: its status or close code, its problem code, and no way in.
import assert from 'node:assert/strict';

/** The first gate said no, with a problem of that code. */
export function refusedAtFirstGate(answer, status, code) {
  assert.equal(answer.body?.code, code, `${answer.status} ${answer.text}`);
  assert.equal(answer.status, status);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  assert.equal(answer.body.ticket, undefined);
  assert.ok(answer.body.request_id, 'a refusal names its request');
}

/** The second gate opened a socket only to say no and close it. */
export async function refusedAtSecondGate(terminal, closeCode, code) {
  assert.equal(terminal.status, 101, `an answer instead of a socket: ${terminal.status} ${terminal.text}`);
  const closed = await terminal.ends();
  assert.deepEqual(closed, { code: closeCode, reason: code });
  assert.equal(terminal.message('denied')?.problem.code, code);
  assert.equal(terminal.message('ready'), undefined);
  assert.equal(terminal.output.length, 0);
}

/** There was no upgrade at all. */
export function noUpgrade(answer, status, code) {
  assert.equal(answer.status, status, JSON.stringify(answer));
  if (code) assert.equal(answer.body?.code, code);
}

/** A live terminal was ended from outside. */
export async function endedWith(terminal, closeCode, code, seconds = 2) {
  const closed = await terminal.ends(seconds);
  assert.deepEqual(closed, { code: closeCode, reason: code });
}
