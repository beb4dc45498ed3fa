// Times, durations, sizes and long ids as people read them, in a given language.
const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

const relativeFormats = new Map<string, Intl.RelativeTimeFormat>();
function relativeFormat(lang: string): Intl.RelativeTimeFormat {
  let made = relativeFormats.get(lang);
  if (!made) {
    made = new Intl.RelativeTimeFormat(lang, { numeric: 'auto', style: 'short' });
    relativeFormats.set(lang, made);
  }
  return made;
}

/** "3 min. ago", "in 2 hr."; under a minute it is "now", because a clock that ticks seconds only distracts. */
export function relativeTime(at: string, now: number, lang: string): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  const seconds = (then - now) / 1000;
  for (const [unit, length] of units)
    if (Math.abs(seconds) >= length) return relativeFormat(lang).format(Math.trunc(seconds / length), unit);
  return relativeFormat(lang).format(0, 'second');
}

const absoluteFormats = new Map<string, Intl.DateTimeFormat>();
export function absoluteTime(at: string, lang: string, timeZone?: string): string {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return at;
  const key = `${lang} ${timeZone ?? ''}`;
  let made = absoluteFormats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'long', timeZone });
    absoluteFormats.set(key, made);
  }
  return made.format(then);
}

const stampFormats = new Map<string, Intl.DateTimeFormat>();
/** Local date and time to the second, alike in every language and sortable by eye: 2026-11-24 21:12:01. */
export function timeStamp(at: string, timeZone?: string): string {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return at;
  const key = timeZone ?? '';
  let made = stampFormats.get(key);
  if (!made) {
    // Sweden writes dates as ISO 8601 does.
    made = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone });
    stampFormats.set(key, made);
  }
  return made.format(then);
}

/** The time of day to the second, alike in every language. */
export function clockTime(at: string, lang: string): string {
  const then = new Date(at);
  const style = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  return Number.isNaN(then.getTime()) ? at : then.toLocaleTimeString(lang, style);
}

const koreanUnits = { s: '초', m: '분', h: '시간', d: '일', y: '년' } as const;

/** A Pod's age by kubectl's rules, two units at most and one when that is enough, in the language's own units. */
export function age(at: string, now: number, lang: string): string {
  const written = kubectlAge(at, now);
  if (lang !== 'ko') return written;
  return written.replace(/([smhdy])(?=(\d?))/g, (_, unit: keyof typeof koreanUnits, next: string) =>
    next ? `${koreanUnits[unit]} ` : koreanUnits[unit],
  );
}

function kubectlAge(at: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(at)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes < 10 && seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours < 8 && minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y`;
}

/** "7 h 40 min" of a span in seconds. */
export function span(seconds: number, lang: string): string {
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(lang, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return unit(whole, 'second');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return unit(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${unit(hours, 'hour')} ${unit(minutes % 60, 'minute')}` : unit(hours, 'hour');
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${unit(days, 'day')} ${unit(hours % 24, 'hour')}` : unit(days, 'day');
}

export function bytes(count: number, lang: string): string {
  const steps = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  let value = count;
  let step = 0;
  while (value >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step++;
  }
  return new Intl.NumberFormat(lang, {
    style: 'unit',
    unit: steps[step] ?? 'byte',
    unitDisplay: step === 0 ? 'long' : 'short',
    maximumFractionDigits: value < 10 && step > 0 ? 1 : 0,
  }).format(value);
}

/** Shortens in the middle, because ids differ at both ends. */
export function middle(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const tail = Math.floor((chars - 1) / 2);
  return `${text.slice(0, chars - 1 - tail)}…${text.slice(text.length - tail)}`;
}
