import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { consoleCodes, decidedBy } from './problem';

const rooms = join(import.meta.dirname, '../../../crates/terminal/src');

/** Whom the hub's own sources name for each code that a terminal is refused or ended with; `null` where it varies. */
function namedByHub(): Map<string, string | null> {
  const named = new Map<string, string | null>();
  for (const file of readdirSync(rooms, { recursive: true, encoding: 'utf8' }).filter((each) => each.endsWith('.rs'))) {
    let code: string | undefined;
    const source = readFileSync(join(rooms, file), 'utf8');
    for (const [, made, decider] of source.matchAll(
      /Problem::\w+\(\s*(?:ProblemCode::(\w+))?|\.decided_by\(([\w:]+)\)/g,
    )) {
      if (decider === undefined) {
        code = made?.replace(/\B[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
        continue;
      }
      if (code === undefined) continue;
      const who = /^DecidedBy::(\w+)$/.exec(decider)?.[1]?.toLowerCase() ?? null;
      named.set(code, named.has(code) && named.get(code) !== who ? null : who);
    }
  }
  return named;
}

describe('who decided', () => {
  const named = namedByHub();
  test('is found in the hub’s sources at all', () => {
    expect(named.size).toBeGreaterThan(20);
    expect(named.get('pod_gone')).toBe('kubernetes');
    expect(named.get('link_used')).toBe('hub');
  });
  test.each([...named].filter(([, who]) => who !== null))('%s is what the hub says: %s', (code, who) =>
    expect(decidedBy(code)).toBe(who),
  );
  test.each(consoleCodes)('%s is the browser’s own', (code) => expect(decidedBy(code)).toBe('browser'));
  test('a code of a newer hub is the hub’s', () => expect(decidedBy('brand_new')).toBe('hub'));
});
