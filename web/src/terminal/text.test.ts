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
    ['a\tb', false],
    ['', false],
    // ^O runs a line in bash, ESC and its eight-bit form CSI begin what a key would send.
    ['ls\u000f', true],
    ['\u001b[A', true],
    ['\u009bA', true],
    ['a\u0085b', true],
    ['한글 \u00e9\u00a0', false],
  ])('%j asks: %s', (text, asks) => expect(asksFirst(text)).toBe(asks));
  test('the preview hides nothing and counts lines as a person would', () => {
    expect(pasteFacts('echo 한글\r\nrm \u001b[1A x\n', false)).toEqual({
      lines: 2,
      chars: 18,
      bytes: 23,
      hasBreak: true,
      hasControl: true,
      isDefused: false,
      preview: 'echo 한글\nrm ␛[1A x',
    });
  });
  test.each([
    ['plain\ttext\r\n', false, 'plain\ttext'],
    ['a\u0007b\u007fc', true, 'a␇b␡c'],
    ['a\u009b31mb\u0085c', true, 'a␛[31mb␛Ec'],
    ['ls \u202etxt.exe', false, 'ls ⟨U+202E⟩txt.exe'],
    ['r\u200bm\u2028x\u{e0041}', false, 'r⟨U+200B⟩m⟨U+2028⟩x⟨U+E0041⟩'],
    ['👩\u200d💻', false, '👩\u200d💻'],
  ])('%j, typed into the shell: control characters %s, shown as %j', (text, hasControl, preview) =>
    expect(pasteFacts(text, false)).toMatchObject({ hasControl, isDefused: false, preview }),
  );
  test.each([
    ['a', false],
    ['a\u0007b', false],
    ['a\r', true],
    ['a\nb', true],
  ])('%j has a line break: %s', (text, hasBreak) => expect(pasteFacts(text, true)).toMatchObject({ hasBreak }));
  test.each([
    ['plain', false, false],
    ['a\u001b[31m', false, true],
    ['a\u009b31m', false, true],
    ['a\u001b[31m\u0003', true, true],
    ['a\u0084', true, false],
  ])('%j, between the marks: control characters %s, escapes without effect %s', (text, hasControl, isDefused) => {
    const facts = pasteFacts(text, true);
    expect(facts).toMatchObject({ hasControl, isDefused });
    // What is seen is what is pasted, wherever nothing warns.
    if (!hasControl) expect(facts.preview).toBe(withinMarks(text));
  });
  test('a long paste is previewed in part', () => {
    const { lines, preview } = pasteFacts(Array.from({ length: 500 }, (_, n) => `line ${n}`).join('\n'), false);
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
