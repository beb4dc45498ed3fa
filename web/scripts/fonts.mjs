// Cuts D2Coding into woff2 subsets with unicode-range, so that a browser loads only the blocks a terminal shows.
// Pretendard ships its own subsets; D2Coding ships whole (1.5 MB a weight). Runs before a build and does nothing when up to date.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const source = dirname(require.resolve('@kfonts/d2coding/package.json'));
const target = join(dirname(fileURLToPath(import.meta.url)), '../src/fonts');

/** The 2,350 syllables of KS X 1001, which ordinary Korean text keeps to; Node's decoder knows the table. */
function commonHangul() {
  const decoder = new TextDecoder('euc-kr');
  const found = [];
  for (let lead = 0xb0; lead <= 0xc8; lead++)
    for (let trail = 0xa1; trail <= 0xfe; trail++) {
      const point = decoder.decode(Uint8Array.of(lead, trail)).codePointAt(0);
      if (point >= 0xac00 && point <= 0xd7a3) found.push(point);
    }
  return [...new Set(found)].sort((a, b) => a - b);
}

const span = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const common = commonHangul();
const isCommon = new Set(common);
const rare = span(0xac00, 0xd7a3).filter((point) => !isCommon.has(point));
const subsets = {
  latin: [...span(0x20, 0x7e), ...span(0xa0, 0x24f), ...span(0x2010, 0x2044), 0x20ac],
  symbols: [...span(0x370, 0x4ff), ...span(0x2045, 0x20ab), ...span(0x2100, 0x2bff), ...span(0xe0a0, 0xe0d4)],
  hangul: [...span(0x3131, 0x318e), ...common],
  'hangul-rare': [...span(0x1100, 0x11ff), ...rare],
  cjk: [...span(0x3000, 0x3130), ...span(0x3190, 0x9fff), ...span(0xf900, 0xfaff), ...span(0xff00, 0xffef)],
};

function ranges(points) {
  const parts = [];
  for (const point of [...points].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && last[1] === point - 1) last[1] = point;
    else parts.push([point, point]);
  }
  const hex = (n) => n.toString(16);
  return parts.map(([a, b]) => (a === b ? `U+${hex(a)}` : `U+${hex(a)}-${hex(b)}`)).join(',');
}

const stamp = createHash('sha256')
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .update(readFileSync(join(source, 'package.json')))
  .digest('hex');
const stampFile = join(target, '.stamp');
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

const { default: subsetFont } = await import('subset-font');
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
let css = '/* D2Coding, (c) NAVER Corp., SIL Open Font License 1.1. Written by scripts/fonts.mjs. */\n';
for (const [weight, file] of [
  [400, 'D2Coding'],
  [700, 'D2CodingBold'],
]) {
  const whole = readFileSync(join(source, 'src', `${file}.ttf`));
  for (const [name, points] of Object.entries(subsets)) {
    const text = String.fromCodePoint(...points);
    const bytes = await subsetFont(whole, text, { targetFormat: 'woff2' });
    writeFileSync(join(target, `${file}.${name}.woff2`), bytes);
    css += `@font-face{font-family:"D2Coding";font-style:normal;font-weight:${weight};font-display:swap;src:url(./${file}.${name}.woff2) format("woff2");unicode-range:${ranges(points)}}\n`;
    console.log(`${file}.${name}.woff2 ${Math.round(bytes.length / 1024)} KiB`);
  }
}
writeFileSync(join(target, 'd2coding.css'), css);
writeFileSync(stampFile, stamp);
