import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { problemCodes } from '../api/contract';
import { consoleCodes } from '../api/problem';
import { causesEn } from './causes-en';
import { causesKo } from './causes-ko';
import { en } from './en';
import { format, placesOf } from './format';
import { problemText, translator } from './index';
import { ko } from './ko';
import { problemsEn } from './problems-en';
import { problemsKo } from './problems-ko';

const keys = Object.keys(en) as (keyof typeof en)[];

describe('the catalogues', () => {
  test('have the same keys', () => expect(Object.keys(ko)).toEqual(keys));
  test.each(keys)('%s says something in both languages, with the same places', (key) => {
    expect(en[key].trim()).not.toBe('');
    expect(ko[key].trim()).not.toBe('');
    expect(placesOf(ko[key])).toEqual(placesOf(en[key]));
  });
  test('Korean doubles no particles and leaves no English sentence', () => {
    const said = [...Object.values(problemsKo), ...Object.values(causesKo)].flatMap((each) => [each.what, each.todo]);
    for (const text of [...Object.values(ko), ...said]) {
      expect(text).not.toMatch(/[을를이가은는와과]\/[을를이가은는와과]|\((을|를|이|가|은|는|으)\)/);
      expect(text.replace(/\{[^}]*\}/g, '')).not.toMatch(/\b(the|and|with|your)\b/);
    }
  });
  test('the shortest password that is taken is told before one is chosen', () => {
    for (const catalogue of [en, ko]) expect(catalogue['invitation.hint']).toContain('12');
  });
  test('Korean calls each gate by a noun', () => {
    for (const key of ['terminal.gate.short1', 'terminal.gate.short2', 'terminal.state.gate1'] as const) {
      expect(ko[key]).toMatch(/^[12]차 검증/);
    }
  });
  test('every key is used', () => {
    const source = files(join(import.meta.dirname, '..'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const unused = keys.filter((key) => {
      if (source.includes(`'${key}'`)) return false;
      const stem = key.slice(0, key.lastIndexOf('.') + 1);
      return !source.includes(`\`${stem}\${`);
    });
    expect(unused).toEqual([]);
  });
});

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'i18n' ? [] : files(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.includes('.test.') ? [path] : [];
  });
}

describe('Problems', () => {
  test.each([...problemCodes, ...consoleCodes])('%s says what happened and what to do', (code) => {
    for (const text of [problemsEn[code], problemsKo[code]]) {
      expect(text.what.length).toBeGreaterThan(5);
      expect(text.todo.length).toBeGreaterThan(5);
    }
    expect(problemsKo[code].what).toMatch(/다\.$/);
    expect(problemsKo[code].todo).toMatch(/(요|다)\.$/);
  });
  test('a code of a newer hub still gets words', () =>
    expect(problemText('brand_new', 'ko')).toBe(problemsKo.internal));
});

describe('causes of failures', () => {
  test.each(Object.keys(causesEn) as (keyof typeof causesEn)[])('%s says what happened and what to do', (cause) => {
    expect(causesEn[cause].what).toMatch(/\.$/);
    expect(causesEn[cause].todo).toMatch(/\.$/);
    expect(causesKo[cause].what).toMatch(/다\.$/);
    expect(causesKo[cause].todo).toMatch(/(요|다)\.$/);
  });
});

describe('format', () => {
  const number = (n: number) => n.toLocaleString('en');
  test.each([
    ['{n} {n|Pod|Pods}', { n: 1 }, '1 Pod'],
    ['{n} {n|Pod|Pods}', { n: 3000 }, '3,000 Pods'],
    ['{name} of {all}', { name: 'x', all: 2 }, 'x of 2'],
    ['no places', {}, 'no places'],
  ])('%s', (message, values, text) => expect(format(message, values, number)).toBe(text));
  test('a value is not read as a message', () =>
    expect(translator('en')('workspace.enterOf', { name: '{name|a|b}' })).toBe('Enter {name|a|b}'));
});
