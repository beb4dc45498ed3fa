import { describe, expect, test } from 'vitest';
import { bufferText } from './bufferText';
import { neighbour, pane, paneIds, remove, setShare, split } from './layout';
import { asksFirst, pasteFacts, withinMarks } from './paste';
import { PlainInput } from './plainInput';
import { sanitiseTitle } from './title';

describe('titles', () => {
  test.each([
    ['vim notes.md', 'vim notes.md'],
    ['  파드   안에서 ', '파드 안에서'],
    ['a\u0007b\u001b[31mc\r\nd', 'ab[31mcd'],
    ['\u202egnp.exe', 'gnp.exe'],
    ['\u2066x\u2069\u200b\u200f\ufeffy', 'xy'],
    ['a\u{e0041}b', 'ab'],
    ['', ''],
  ])('%j becomes %j', (given, shown) => expect(sanitiseTitle(given)).toBe(shown));
  test('a long one is cut between characters', () => {
    const shown = sanitiseTitle('😀'.repeat(500));
    expect(Array.from(shown).length).toBeLessThanOrEqual(80);
    expect(shown.isWellFormed?.() ?? true).toBe(true);
  });
});

describe('pastes', () => {
  test.each([
    ['ls -l', false],
    ['ls\n', true],
    ['a\rb', true],
    ['', false],
  ])('%j asks: %s', (text, asks) => expect(asksFirst(text)).toBe(asks));
  test('the preview hides nothing and counts lines as a person would', () => {
    expect(pasteFacts('echo 한글\r\nrm \u001b[1A x\n')).toEqual({
      lines: 2,
      chars: 18,
      bytes: 23,
      hasControl: true,
      preview: 'echo 한글\nrm ␛[1A x',
    });
  });
  test('a long paste is previewed in part', () => {
    const { lines, preview } = pasteFacts(Array.from({ length: 500 }, (_, n) => `line ${n}`).join('\n'));
    expect(lines).toBe(500);
    expect(preview.split('\n').length).toBe(7);
  });
});

describe('layout', () => {
  const three = split(split(pane('a'), 'a', 'b', 'row'), 'b', 'c', 'column');
  test('splits stand in reading order', () => expect(paneIds(three)).toEqual(['a', 'b', 'c']));
  test('a removed pane leaves its room to its neighbour', () => {
    expect(remove(three, 'b')).toEqual(split(pane('a'), 'a', 'c', 'row'));
    expect(remove(pane('a'), 'a')).toBeNull();
  });
  test('neighbours go round', () => {
    expect(neighbour(three, 'c', 1)).toBe('a');
    expect(neighbour(three, 'a', -1)).toBe('c');
    expect(neighbour(three, 'gone', 1)).toBe('a');
  });
  test('a share stays within its bounds', () => {
    expect(setShare(three, [1], 0.99)).toMatchObject({ share: 0.5, second: { share: 0.9 } });
    expect(setShare(three, [], 0)).toMatchObject({ share: 0.1 });
  });
});

describe('input without a terminal', () => {
  const run = (text: string) => {
    const seen = { echo: '', sent: '', ended: 0, interrupted: 0 };
    const input = new PlainInput({
      echo: (part) => (seen.echo += part),
      send: (bytes) => (seen.sent += new TextDecoder().decode(bytes)),
      endInput: () => seen.ended++,
      interrupt: () => seen.interrupted++,
    });
    input.push(new TextEncoder().encode(text));
    return seen;
  };
  test('a line is sent whole, with a line feed', () =>
    expect(run('ls\r')).toMatchObject({ echo: 'ls\r\n', sent: 'ls\n' }));
  test('a syllable is taken back whole, both its cells', () =>
    expect(run('가\u007fx\r')).toMatchObject({ echo: '가\b \b\b \bx\r\n', sent: 'x\n' }));
  test('Ctrl-D sends the rest and ends', () => expect(run('ab\u0004')).toMatchObject({ sent: 'ab', ended: 1 }));
  test('Ctrl-C interrupts', () => expect(run('\u0003').interrupted).toBe(1));
});

test('saved text joins wrapped lines and drops the empty end', () => {
  const lines = [
    { isWrapped: false, text: 'one long ' },
    { isWrapped: true, text: 'line' },
    { isWrapped: false, text: 'two' },
    { isWrapped: false, text: '' },
  ].map((line) => ({ isWrapped: line.isWrapped, translateToString: () => line.text }));
  expect(bufferText({ length: lines.length, getLine: (y) => lines[y] })).toBe('one long line\ntwo');
});

describe('a bracketed paste', () => {
  test.each([
    ['echo one\necho 둘\t😀\r\n', 'echo one\necho 둘\t😀\r\n'],
    ['a\u001b[201~ rm -rf /\n', 'a␛[201~ rm -rf /\n'],
    ['a\u009b201~b', 'a␛[201~b'],
    ['\u001b\u001b', '␛␛'],
  ])('%j is written as %j, which ends nothing', (given, written) => {
    expect(withinMarks(given)).toBe(written);
    expect(Array.from(written).some((char) => '\u001b\u009b'.includes(char))).toBe(false);
  });
});
