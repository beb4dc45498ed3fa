// The sixteen ANSI colours and the ground a terminal is drawn on, for dark and for light.
import type { ITheme } from '@xterm/xterm';

export const fontFamily = '"D2Coding", ui-monospace, "Noto Color Emoji", monospace';

export const darkTheme: ITheme = {
  background: '#0b0e11',
  foreground: '#dfe4ea',
  cursor: '#8fa8ff',
  cursorAccent: '#0b0e11',
  selectionBackground: '#34437f',
  selectionInactiveBackground: '#2a3350',
  black: '#1d232b',
  red: '#f0716a',
  green: '#6cc08b',
  yellow: '#d9ad58',
  blue: '#7c9cf5',
  magenta: '#c58be0',
  cyan: '#5cbcc4',
  white: '#c9d0d9',
  brightBlack: '#7b8796',
  brightRed: '#ff938b',
  brightGreen: '#8fd9a8',
  brightYellow: '#efc97f',
  brightBlue: '#a3baff',
  brightMagenta: '#dcaef2',
  brightCyan: '#86d8df',
  brightWhite: '#f4f6f9',
};

export const lightTheme: ITheme = {
  background: '#fbfbfc',
  foreground: '#1b1f24',
  cursor: '#3450d6',
  cursorAccent: '#fbfbfc',
  selectionBackground: '#c5d0fb',
  selectionInactiveBackground: '#dde2f2',
  black: '#1b1f24',
  red: '#b3261e',
  green: '#17693f',
  yellow: '#7d5600',
  blue: '#2f49c8',
  magenta: '#84309e',
  cyan: '#0b6670',
  white: '#59626e',
  brightBlack: '#646e7b',
  brightRed: '#c4372e',
  brightGreen: '#1d7a4a',
  brightYellow: '#8f6300',
  brightBlue: '#3f5be0',
  brightMagenta: '#9a44b5',
  brightCyan: '#107783',
  brightWhite: '#3d4650',
};

/** What a search colours: every match, and the one it stands at. */
export type SearchColours = { match: string; activeMatch: string; ink: string };
export const darkSearch: SearchColours = { match: '#4d3c0c', activeMatch: '#f0a91b', ink: '#0b0e11' };
export const lightSearch: SearchColours = { match: '#f6e3ae', activeMatch: '#f0a91b', ink: '#1b1f24' };

/** The match a search stands at is also the selection, which is drawn over it: while one searches, they are alike. */
export function themeOf(dark: boolean, finding: boolean): ITheme {
  const theme = dark ? darkTheme : lightTheme;
  if (!finding) return theme;
  const { activeMatch, ink } = dark ? darkSearch : lightSearch;
  return {
    ...theme,
    selectionBackground: activeMatch,
    selectionInactiveBackground: activeMatch,
    selectionForeground: ink,
  };
}
