// Posture's view logic: severities of a filter, words of faults, and what the URL takes.
import { describe, expect, it } from 'vitest';
import { faultKey, scoreTone, severitiesOf, severityTone, threatOf, toggled } from './postureView';
import { parsePostureSearch } from './urlState';

describe('severities of a filter', () => {
  it('are added and taken away in their order', () => {
    expect(toggled(undefined, 'low')).toBe('low');
    expect(toggled('low', 'critical')).toBe('critical,low');
    expect(toggled('critical,low', 'low')).toBe('critical');
    expect(toggled('critical', 'critical')).toBeUndefined();
    expect(toggled('critical,high,medium,low', 'info')).toBeUndefined();
  });
  it('leave out what is none', () => {
    expect(severitiesOf('high,bogus,,critical')).toEqual(['critical', 'high']);
    expect(severitiesOf(undefined)).toEqual([]);
  });
});

describe('words', () => {
  it('tell faults, known and unknown', () => {
    expect(faultKey('all_refused')).toBe('posture.fault.all_refused');
    expect(faultKey('hub_refused')).toBe('posture.fault.hub_refused');
    expect(faultKey('something new')).toBe('posture.fault.internal');
    expect(faultKey(undefined)).toBe('posture.fault.internal');
  });
  it('tell how bad it is', () => {
    expect(severityTone('critical')).toBe('bad');
    expect(severityTone('info')).toBe('calm');
    expect([scoreTone(100), scoreTone(80), scoreTone(12)]).toEqual(['good', 'warn', 'bad']);
    expect(threatOf('E6')).toBe('E6');
    expect(threatOf('E11')).toBeUndefined();
  });
});

describe('what the URL takes', () => {
  it('is read, and what is hostile or outdated falls back', () => {
    expect(
      parsePostureSearch({ view: 'findings', severity: 'high,critical', finding: 7, change: 'gone', q: 42 }),
    ).toMatchObject({ view: 'findings', severity: 'critical,high', finding: 7, change: 'gone', q: '42' });
    expect(
      parsePostureSearch({ view: 'x', severity: 'bogus', finding: -1, change: 1, threat: '<b>', verdict: 'pass' }),
    ).toEqual({});
  });
});
