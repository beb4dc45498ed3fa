import { expect, test } from 'vitest';
import { darkSearch, darkTheme, lightSearch, lightTheme, themeOf } from './theme';

const channel = (part: string) => {
  const value = Number.parseInt(part, 16) / 255;
  return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
};
const luminance = (hex: string) =>
  0.2126 * channel(hex.slice(1, 3)) + 0.7152 * channel(hex.slice(3, 5)) + 0.0722 * channel(hex.slice(5, 7));
const contrast = (a: string, b: string) => {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};

test.each([
  ['dark', darkTheme, darkSearch],
  ['light', lightTheme, lightSearch],
] as const)('%s: the match one stands at is the clearest thing', (name, theme, search) => {
  const ground = String(theme.background);
  expect(contrast(search.activeMatch, ground)).toBeGreaterThan(contrast(search.match, ground));
  expect(contrast(search.activeMatch, search.ink)).toBeGreaterThan(4.5);
  expect(contrast(search.match, String(theme.foreground))).toBeGreaterThan(4.5);
  expect(themeOf(name === 'dark', true).selectionInactiveBackground).toBe(search.activeMatch);
  expect(themeOf(name === 'dark', false)).toBe(theme);
});
