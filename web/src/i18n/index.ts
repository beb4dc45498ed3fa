// The console's words in the person's language: which one, the lookup, and a hook that follows a change.
import { useSyncExternalStore } from 'react';
import type { Text } from '../api/contract';
import { isKnownCode } from '../api/problem';
import { en } from './en';
import { format, type Places, type Values } from './format';
import { ko } from './ko';
import { type ProblemText, problemsEn } from './problems-en';
import { problemsKo } from './problems-ko';

export type Language = 'en' | 'ko';
export type Key = keyof typeof en;
const catalogues: Record<Language, Record<Key, string>> = { en, ko };

const storageKey = 'sallyport.language';
function initial(): Language {
  if (typeof document === 'undefined') return 'en';
  return document.documentElement.lang === 'ko' ? 'ko' : 'en';
}
let current: Language = initial();
const listeners = new Set<() => void>();

export const language = {
  get: (): Language => current,
  set(next: Language): void {
    current = next;
    document.documentElement.lang = next;
    try {
      localStorage.setItem(storageKey, next);
    } catch {
      // Storage may be forbidden: the choice then lasts as long as the page.
    }
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

type Args<K extends Key> = [Places<(typeof en)[K]>] extends [never]
  ? []
  : [values: Readonly<Record<Places<(typeof en)[K]>, string | number>>];

/** Keys without places, which may be looked up by a variable. */
export type PlainKey = { [K in Key]: [Places<(typeof en)[K]>] extends [never] ? K : never }[Key];

export type Translate = <K extends Key>(key: K, ...args: Args<K>) => string;

export function translator(lang: Language): Translate {
  const numbers = new Intl.NumberFormat(lang);
  return (key, ...args) => {
    const values: Values = args[0] ?? {};
    return format(catalogues[lang][key], values, (n) => numbers.format(n));
  };
}

const translators: Record<Language, Translate> = { en: translator('en'), ko: translator('ko') };

export function useLanguage(): Language {
  return useSyncExternalStore(language.subscribe, language.get);
}

/** `t('key', { place: value })` in the person's language. */
export function useT(): Translate {
  return translators[useLanguage()];
}

export function pick(text: Text, lang: Language): string {
  return text[lang] || text.en;
}

/** What happened and what to do, by Problem code; a code this console does not know gets the words for `internal`. */
export function problemText(code: string, lang: Language): ProblemText {
  const texts = lang === 'ko' ? problemsKo : problemsEn;
  return isKnownCode(code) ? texts[code] : texts.internal;
}
